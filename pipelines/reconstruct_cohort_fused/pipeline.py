"""From a cohort of LGE-MRI slices to 3D scar maps with one task for each shard of subjects, and one verdict."""

from kfp import dsl

from components.data_processing.list_subjects import list_subjects
from components.evaluation.summarize_cohort import summarize_cohort
from components.training.reconstruct import reconstruct
from pipelines.placing import ACCESS, FITS_ON_CPUS, PARALLEL_SHARDS, TASKS, connect, place, place_fit
from pipelines.reconstruct_cohort.pipeline import FAMILY
from pipelines.signature import Channels, of_components, takes

STAGES = of_components(reconstruct).without("run_id")
SHARD = (STAGES | FITS_ON_CPUS | ACCESS).required()
COHORT = (
    of_components(list_subjects).without("workflow", "family", "fingerprint_network")
    | STAGES.without("subjects")
    | of_components(summarize_cohort).without("run_id", "family")
    | TASKS
    | FITS_ON_CPUS
    | ACCESS
)


@dsl.pipeline(name="reconstruct-shard-fused", description="All stages over one shard of subjects, in one task.")
@takes(SHARD)
def reconstruct_shard_fused(given: Channels) -> None:
    """The body of the loop, which takes resources as arguments; see `reconstruct_cohort`."""
    done = reconstruct(**given.to(reconstruct, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER))
    place_fit(done, "Reconstruct", given)
    connect(done, given, mlflow=True)


@dsl.pipeline(
    name="reconstruct-cohort-fused",
    display_name="Reconstruct cohort, one task a shard",
    description="3D myocardial scar maps, with uncertainty, from sparse LGE-MRI slices. Research use only.",
)
@takes(COHORT)
def reconstruct_cohort_fused(given: Channels) -> None:
    """3D myocardial scar maps, with uncertainty, for every subject of a cohort, all stages of a shard in one pod.

    For small cohorts, which wait for pods more than for work, and for cohorts of many shards, of which more fit into
    a run. Parameters are those of reconstruct_cohort; nothing is cached, and a GPU is held for all stages.
    """
    listed = list_subjects(**given.to(list_subjects, family=FAMILY))
    place(listed, "List subjects", given, retries=0)
    connect(listed, given)

    with dsl.ParallelFor(listed.outputs["Output"], name="shards", parallelism=PARALLEL_SHARDS) as shard:
        done = reconstruct_shard_fused(**given.to(reconstruct_shard_fused, subjects=shard))

    summary = summarize_cohort(
        **given.to(summarize_cohort, family=FAMILY, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
    ).after(done)
    place(summary, "Summarize cohort", given, retries=0)
    connect(summary, given, mlflow=True)
