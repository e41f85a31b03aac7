"""The pipeline `plan_cohort`."""
