"""From the cohort's files to groups of mesh nodes that a field can be fitted to."""
