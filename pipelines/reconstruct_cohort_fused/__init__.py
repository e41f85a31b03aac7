"""The pipeline `reconstruct_cohort_fused`."""
