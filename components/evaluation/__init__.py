"""Scores, reports and the verdict on a cohort."""
