"""Cohorts of copies of a small good subject."""

from tests.stages.conftest import good_subject, make_cohort

__all__ = ["good_subject", "make_cohort"]
