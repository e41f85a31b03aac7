"""From patients with late enhancement, cine and strain to plans: four stages for each shard, and one verdict."""

from kfp import dsl

from components.data_processing.list_subjects import list_subjects
from components.deployment.study_activation import study_activation
from components.deployment.study_function import study_function
from components.evaluation.plan import plan
from components.evaluation.summarize_cohort import summarize_cohort
from components.training.study_scar import study_scar
from pipelines.placing import ACCESS, FITS, PARALLEL_SHARDS, TASKS, connect, place, place_fit
from pipelines.signature import Channels, of_components, takes

FAMILY = "plan"
"""What the components that work on any cohort are told, which is the name of the workflow."""

STAGES = of_components(study_scar, study_function, study_activation, plan).without("run_id")
PLACES = TASKS | FITS | ACCESS
SHARD = (STAGES | PLACES).required()
COHORT = (
    of_components(list_subjects).without("workflow", "family", "fingerprint_network")
    | STAGES.without("subjects")
    | of_components(summarize_cohort).without("run_id", "family")
    | PLACES
)


@dsl.pipeline(name="plan-shard", description="Scar maps, LV function, activation and plans of one shard of subjects.")
@takes(SHARD)
def plan_shard(given: Channels) -> None:
    """The body of the loop, which takes resources as arguments; see `reconstruct_cohort`.

    Scar maps and LV function do not wait for each other.
    """
    mapped = study_scar(**given.to(study_scar))
    place_fit(mapped, "Scar maps", given)
    connect(mapped, given, mlflow=True)  # networks lie in the object store or the registry

    # it runs on CPUs, wherever the fits run
    measured = study_function(**given.to(study_function, device="auto"))
    place(measured, "LV function", given)
    connect(measured, given, mlflow=True)
    functions = measured.outputs["functions"]

    told = study_activation(**given.to(study_activation, functions=functions))
    place(told, "Activation", given)
    connect(told, given, mlflow=True)

    made = {
        "scar_maps": mapped.outputs["scar_maps"],
        "functions": functions,
        "activations": told.outputs["activations"],
    }
    planned = plan(**given.to(plan, **made, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER))
    place(planned, "Plan", given)
    connect(planned, given, mlflow=True)


@dsl.pipeline(
    name="plan-cohort",
    display_name="Plan cohort",
    description="Scar map, LV function, activation and sites for a lead of each patient. Research use only.",
)
@takes(COHORT)
def plan_cohort(given: Channels) -> None:
    """Late enhancement, cine and strain of every patient of a cohort, whichever are there, joined to one plan each."""
    listed = list_subjects(**given.to(list_subjects, family=FAMILY))
    place(listed, "List subjects", given, retries=0)
    connect(listed, given)

    with dsl.ParallelFor(listed.outputs["Output"], name="shards", parallelism=PARALLEL_SHARDS) as shard:
        done = plan_shard(**given.to(plan_shard, subjects=shard))

    summary = summarize_cohort(
        **given.to(summarize_cohort, family=FAMILY, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
    ).after(done)
    place(summary, "Summarize cohort", given, retries=0)
    connect(summary, given, mlflow=True)
