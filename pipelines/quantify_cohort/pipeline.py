"""From a cohort of cines to volumes, indices and phase: one task for each shard, and one verdict."""

from kfp import dsl

from components.data_processing.list_subjects import list_subjects
from components.deployment.quantify import quantify
from components.evaluation.summarize_cohort import summarize_cohort
from pipelines.placing import ACCESS, FITS_ON_CPUS, PARALLEL_SHARDS, TASKS, connect, place, place_fit
from pipelines.signature import Channels, of_components, takes

FAMILY = "quantify"
"""What the components that work on any cohort are told, which is the name of the workflow."""

STAGES = of_components(quantify).without("run_id")
SHARD = (STAGES | FITS_ON_CPUS | ACCESS).required()
COHORT = (
    of_components(list_subjects).without("workflow", "family", "fingerprint_network")
    | STAGES.without("subjects")
    | of_components(summarize_cohort).without("run_id", "family")
    | TASKS
    | FITS_ON_CPUS
    | ACCESS
)


@dsl.pipeline(name="quantify-shard", description="The quantification of one shard of subjects.")
@takes(SHARD)
def quantify_shard(given: Channels) -> None:
    """The body of the loop, which takes resources as arguments; see `reconstruct_cohort`."""
    done = quantify(**given.to(quantify, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER))
    place_fit(done, "Quantify", given)
    connect(done, given, mlflow=True)


@dsl.pipeline(
    name="quantify-cohort",
    display_name="Quantify cohort",
    description="Volumes, ejection fraction and indices of the left ventricle in cine MR. Research use only.",
)
@takes(COHORT)
def quantify_cohort(given: Channels) -> None:
    """Volumes, ejection fraction, indices and phase for every cine of a cohort, by a trained network."""
    listed = list_subjects(**given.to(list_subjects, family=FAMILY))
    place(listed, "List subjects", given, retries=0)
    connect(listed, given)

    with dsl.ParallelFor(listed.outputs["Output"], name="shards", parallelism=PARALLEL_SHARDS) as shard:
        done = quantify_shard(**given.to(quantify_shard, subjects=shard))

    summary = summarize_cohort(
        **given.to(summarize_cohort, family=FAMILY, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
    ).after(done)
    place(summary, "Summarize cohort", given, retries=0)
    connect(summary, given, mlflow=True)
