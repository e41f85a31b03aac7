"""The pipeline `summarize_cohort`."""
