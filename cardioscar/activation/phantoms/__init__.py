"""Strain with known activation and scar: bundle branch block, late regions, noise, lost frames; moving annuli."""
