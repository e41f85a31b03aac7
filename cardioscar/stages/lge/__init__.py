"""The segmentation of late enhancement: what a cohort is, the stage, what is recorded of a subject."""
