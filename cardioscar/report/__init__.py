"""Figures and self-contained HTML pages of one subject and of a cohort, from plain data."""
