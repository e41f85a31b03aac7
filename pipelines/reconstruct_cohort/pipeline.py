"""From a cohort of LGE-MRI slices to 3D scar maps: shards of subjects, five stages each, one verdict."""

from kfp import dsl

from components.data_processing.group_sort import group_sort
from components.data_processing.list_subjects import list_subjects
from components.data_processing.preprocess import preprocess
from components.deployment.infer import infer
from components.evaluation.evaluate import evaluate
from components.evaluation.summarize_cohort import summarize_cohort
from components.training.train import train
from pipelines.placing import ACCESS, FITS, PARALLEL_SHARDS, TASKS, connect, place, place_fit
from pipelines.signature import Channels, of_components, takes

FAMILY = "reconstruct"
"""What the components that work on any cohort are told, which is the name of the workflow."""

STAGES = of_components(preprocess, group_sort, train, infer, evaluate).without("run_id")
PLACES = TASKS | FITS | ACCESS

SHARD = (STAGES | PLACES).required()
COHORT = (
    of_components(list_subjects).without("workflow", "family", "fingerprint_network")
    | STAGES.without("subjects", "fingerprint")
    | of_components(summarize_cohort).without("run_id", "family")
    | PLACES
)


@dsl.pipeline(name="reconstruct-shard", description="The five stages over one shard of subjects.")
@takes(SHARD)
def reconstruct_shard(given: Channels) -> None:
    """The body of the loop.

    It takes resources as arguments because Kubeflow does not declare them on a loop that uses them directly:
    such a pipeline compiles and fails at run time.
    """
    grouped = preprocess(**given.to(preprocess))
    place(grouped, "Preprocess", given, caching=True)
    connect(grouped, given, mlflow=True)  # a segmenter lies in the object store or the registry
    groups = grouped.outputs["groups"]

    ordered = group_sort(**given.to(group_sort, groups=groups))
    place(ordered, "Sort groups", given, caching=True)
    sorted_groups = ordered.outputs["sorted_groups"]

    fitted = train(**given.to(train, sorted_groups=sorted_groups))
    place_fit(fitted, "Train", given)
    connect(fitted, given, mlflow=True)  # a network to start from lies in the object store or the registry
    made = {"groups": groups, "sorted_groups": sorted_groups, "fields": fitted.outputs["fields"]}

    inferred = infer(**given.to(infer, **made))
    place(inferred, "Infer", given)

    run_id = dsl.PIPELINE_JOB_ID_PLACEHOLDER
    evaluated = evaluate(**given.to(evaluate, **made, scars=inferred.outputs["scars"], run_id=run_id))
    place(evaluated, "Evaluate", given)
    connect(evaluated, given, mlflow=True)


@dsl.pipeline(
    name="reconstruct-cohort",
    display_name="Reconstruct cohort",
    description="3D myocardial scar maps, with uncertainty, from sparse LGE-MRI slices. Research use only.",
)
@takes(COHORT)
def reconstruct_cohort(given: Channels) -> None:
    """3D myocardial scar maps, with uncertainty, for every subject of a cohort."""
    listed = list_subjects(**given.to(list_subjects, family=FAMILY, fingerprint_network=given.segmenter))
    place(listed, "List subjects", given, retries=0)
    connect(listed, given, mlflow=True)  # the segmenter's content counts in the fingerprint

    with dsl.ParallelFor(listed.outputs["Output"], name="shards", parallelism=PARALLEL_SHARDS) as shard:
        # kfp.local 2.17 passes the loop item as fingerprint; harmless, for nothing is cached there.
        fingerprint = listed.outputs["fingerprint"]
        done = reconstruct_shard(**given.to(reconstruct_shard, subjects=shard, fingerprint=fingerprint))

    summary = summarize_cohort(
        **given.to(summarize_cohort, family=FAMILY, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
    ).after(done)
    place(summary, "Summarize cohort", given, retries=0)
    connect(summary, given, mlflow=True)
