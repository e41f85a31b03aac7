"""A whole cohort on one machine: every subject through every stage, in a pool of processes."""
