"""Report on the cohort and take the verdict."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def summarize_cohort(
    cohort_uri: str,
    results_uri: str,
    family: str,
    report: dsl.Output[dsl.HTML],
    table: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    max_failed_fraction: float = 0.1,
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    subjects: str = "",
    run_id: str = "",
):
    """Write the cohort's table and report, and fail where too many subjects failed.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        results_uri: Folder or s3:// prefix in which evaluate published each subject's results; receives cohort.csv
            and the report.
        family: Whose cohort it is, by the name of its workflow.
        report: Cohort report.
        table: cohort.csv, one row for each subject.
        metrics: Summary numbers of the cohort.
        max_failed_fraction: Largest fraction of failed subjects with which the run succeeds, 0 to 1; maps that fail
            quality control count.
        tracking_uri: MLflow server; empty takes MLFLOW_TRACKING_URI, and without that tracks nothing.
        experiment: MLflow experiment of the cohort.
        subjects: Ids of the subjects that count, separated by commas; empty for all.
        run_id: The run that must vouch for each result: one that an earlier run left counts as failed. Empty takes
            results of any run.
    """
    from cardioscar.logs import configure
    from cardioscar.stages import summarize_cohort as stage
    from cardioscar.stages.families import workflow_named
    from cardioscar.stages.recording import Recording

    configure(stderr=True)
    summary = stage.run(
        cohort_uri,
        Recording(results_uri, tracking_uri, experiment, run_id),
        report.path,
        max_failed_fraction,
        subjects,
        table_csv=table.path,
        family=workflow_named(family),
    )
    for name, value in summary.items():
        if isinstance(value, (int, float)):
            metrics.log_metric(name, value)
