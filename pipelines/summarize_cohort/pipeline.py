"""Table, report and verdict of a cohort whose subjects several runs have reconstructed."""

from kfp import dsl

from components.evaluation.summarize_cohort import summarize_cohort as summarize
from pipelines.placing import ACCESS, TASKS, connect, place
from pipelines.reconstruct_cohort.pipeline import FAMILY
from pipelines.signature import Channels, of_components, takes


@dsl.pipeline(
    name="summarize-cohort",
    display_name="Summarize cohort",
    description="Table, report and verdict of a cohort that several runs have reconstructed. Research use only.",
)
@takes(of_components(summarize).without("run_id").with_defaults(family=FAMILY) | TASKS | ACCESS)
def summarize_cohort(given: Channels) -> None:
    """The cohort's table and report over the results of all runs, and one verdict.

    A cohort that one run cannot hold is reconstructed in several; `cardioscar submit --split --wait` starts this one
    after them. Results count whatever run published them.
    """
    summary = summarize(**given.to(summarize))
    place(summary, "Summarize cohort", given, retries=0)
    connect(summary, given, mlflow=True)
