"""Quantification of cine MR as a stage: a cohort of cines in, volumes, indices, labels and a page for each subject."""
