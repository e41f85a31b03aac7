"""Names by which a run's tasks are known from outside, where no family chooses them: those of the shared components."""

SUMMARIZE_COHORT = "summarize-cohort"
"""The task, and the pipeline of that one task, that makes the cohort's table and report and takes the verdict."""


def is_summary(shown: str) -> bool:
    """Whether a task, by the name that Kubeflow shows, is the one that takes the verdict.

    >>> is_summary("Summarize cohort"), is_summary("summarize-cohort-2"), is_summary("evaluate")
    (True, True, False)
    """
    return shown.lower().replace(" ", "-").startswith(SUMMARIZE_COHORT)
