"""Pretraining of a coordinate network on a cohort, so that a heart's fit starts from what hearts have in common."""
