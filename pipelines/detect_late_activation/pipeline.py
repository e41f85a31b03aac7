"""From a cohort of strain to late activation: two tasks for each shard, and one verdict."""

from kfp import dsl

from components.data_processing.list_subjects import list_subjects
from components.data_processing.measure_strain import measure_strain
from components.deployment.detect import detect
from components.evaluation.summarize_cohort import summarize_cohort
from pipelines.placing import ACCESS, PARALLEL_SHARDS, TASKS, connect, place
from pipelines.signature import Channels, of_components, takes

FAMILY = "detect"
"""What the components that work on any cohort are told, which is the name of the workflow."""

STAGES = of_components(measure_strain, detect).without("run_id")
SHARD = (STAGES | TASKS | ACCESS).required()
COHORT = (
    of_components(list_subjects).without("workflow", "family", "fingerprint_network")
    | STAGES.without("subjects")
    | of_components(summarize_cohort).without("run_id", "family")
    | TASKS
    | ACCESS
)


@dsl.pipeline(name="detect-shard", description="Strain and activation of one shard of subjects.")
@takes(SHARD)
def detect_shard(given: Channels) -> None:
    """The body of the loop, which takes resources as arguments; see `reconstruct_cohort`."""
    measured = measure_strain(**given.to(measure_strain))
    place(measured, "Measure strain", given)
    connect(measured, given)

    strains, run_id = measured.outputs["strains"], dsl.PIPELINE_JOB_ID_PLACEHOLDER
    done = detect(**given.to(detect, strains=strains, run_id=run_id))
    place(done, "Detect", given)
    connect(done, given, mlflow=True)


@dsl.pipeline(
    name="detect-late-activation",
    display_name="Detect late activation",
    description="Onset of shortening, late wall free of scar, and activation maps from strain. Research use only.",
)
@takes(COHORT)
def detect_late_activation(given: Channels) -> None:
    """Onset and class of the wall's sectors, and activation maps, for every subject of a cohort of strain."""
    listed = list_subjects(**given.to(list_subjects, family=FAMILY))
    place(listed, "List subjects", given, retries=0)
    connect(listed, given)

    with dsl.ParallelFor(listed.outputs["Output"], name="shards", parallelism=PARALLEL_SHARDS) as shard:
        done = detect_shard(**given.to(detect_shard, subjects=shard))

    summary = summarize_cohort(
        **given.to(summarize_cohort, family=FAMILY, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
    ).after(done)
    place(summary, "Summarize cohort", given, retries=0)
    connect(summary, given, mlflow=True)
