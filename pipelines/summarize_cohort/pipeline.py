"""Table, report and verdict of a cohort whose subjects several runs have reconstructed."""

from kfp import dsl

from components.evaluation.summarize_cohort import summarize_cohort as summarize
from components.images import image
from pipelines.placing import connect, place


@dsl.pipeline(
    name="summarize-cohort",
    display_name="Summarize cohort",
    description="Table, report and verdict of a cohort that several runs have reconstructed. Research use only.",
)
def summarize_cohort(
    cohort_uri: str,
    results_uri: str,
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    subjects: str = "",
    max_failed_fraction: float = 0.1,
    task_image: str = image("cpu"),
    cpu: str = "2",
    memory: str = "8Gi",
    s3_secret: str = "cardioscar-s3-runs",  # noqa: S107 (the name of a Secret)
    mlflow_secret: str = "cardioscar-mlflow",  # noqa: S107 (the name of a Secret)
    endpoints: str = "cardioscar-endpoints",
):
    """The cohort's table and report over the results of all runs, and one verdict.

    A cohort that one run cannot hold is reconstructed in several; `cardioscar submit --split --wait` starts this one
    after them. Results count whatever run published them.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        results_uri: Folder or s3:// prefix in which the runs published results; receives cohort.csv and the report.
        tracking_uri: MLflow server; empty takes the one named by the endpoints, if any.
        experiment: MLflow experiment of the cohort.
        subjects: Ids of the subjects that count, separated by commas; empty for all.
        max_failed_fraction: Largest fraction of failed subjects with which the run succeeds, 0 to 1.
        task_image: Image of the task.
        cpu: CPU limit of the task.
        memory: Memory limit of the task.
        s3_secret: Secret with accesskey and secretkey of the object store; may be absent.
        mlflow_secret: Secret with username and password of the MLflow server; may be absent.
        endpoints: ConfigMap with AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION, MLFLOW_TRACKING_URI; may be absent.
    """
    summary = summarize(
        cohort_uri=cohort_uri,
        results_uri=results_uri,
        max_failed_fraction=max_failed_fraction,
        tracking_uri=tracking_uri,
        experiment=experiment,
        subjects=subjects,
    )
    place(summary, "Summarize cohort", task_image, cpu, memory, retries=0)
    connect(summary, s3_secret, endpoints, mlflow_secret)
