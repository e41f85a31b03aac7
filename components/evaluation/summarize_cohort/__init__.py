"""The `summarize_cohort` component."""

from components.evaluation.summarize_cohort.component import summarize_cohort

__all__ = ["summarize_cohort"]
