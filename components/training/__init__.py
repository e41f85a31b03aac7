"""Fit the scar field of each subject."""
