"""The pipeline `segment_cohort`."""
