"""Report on the cohort and take the verdict."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def summarize_cohort(
    cohort_uri: str,
    results_uri: str,
    report: dsl.Output[dsl.HTML],
    metrics: dsl.Output[dsl.Metrics],
    max_failed_fraction: float = 0.1,
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    subjects: str = "",
):
    """Write the cohort's table and report, and fail where too many subjects failed.

    Args:
        cohort_uri: Folder of subject folders, or of a cohort.csv.
        results_uri: Where evaluate published each subject's results; receives cohort.csv and the report.
        report: Cohort report.
        metrics: Summary numbers of the cohort.
        max_failed_fraction: Largest fraction of failed subjects with which the run succeeds, 0 to 1.
        tracking_uri: MLflow server; empty takes MLFLOW_TRACKING_URI, and without that tracks nothing.
        experiment: MLflow experiment of the cohort.
        subjects: Ids of the subjects processed, separated by commas; empty for all.
    """
    from cardioscar.stages import summarize_cohort as stage
    from cardioscar.stages.logs import configure

    configure(stderr=True)
    summary = stage.run(cohort_uri, results_uri, report.path, max_failed_fraction, tracking_uri, experiment, subjects)
    for name, value in summary.items():
        if isinstance(value, (int, float)):
            metrics.log_metric(name, value)
