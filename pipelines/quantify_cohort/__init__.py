"""The pipeline `quantify_cohort`."""
