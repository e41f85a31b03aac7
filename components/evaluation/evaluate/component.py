"""Score, report and register each subject."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def evaluate(
    cohort_uri: str,
    subjects: list[str],
    groups: dsl.Input[dsl.Dataset],
    sorted_groups: dsl.Input[dsl.Dataset],
    fields: dsl.Input[dsl.Model],
    scars: dsl.Input[dsl.Dataset],
    results: dsl.Output[dsl.Dataset],
    results_uri: str,
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    run_id: str = "",
    figures: bool = True,
    options: dict = {},  # noqa: B006
):
    """Score the scar map of each subject, write its report, record run and model, publish the results.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        subjects: Ids of the subjects of this shard.
        groups: Output of preprocess.
        sorted_groups: Output of group_sort.
        fields: Output of train.
        scars: Output of infer.
        results: One folder for each subject with metrics.json, report.html, figures and status.json.
        results_uri: Folder or s3:// prefix in which each subject's results are published.
        tracking_uri: MLflow server; empty takes MLFLOW_TRACKING_URI, and without that tracks nothing.
        experiment: MLflow experiment of the cohort.
        run_id: Name of the run, which vouches for what it publishes; empty for none.
        figures: Draw the figures of the report.
        options: Further settings of evaluate by name, such as {"leave_one_out": false}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.recording import Recording
    from cardioscar.stages.scar3d import evaluate as stage

    configure(stderr=True)
    settings = dict(figures=figures, **options)  # names a setting that is given twice
    stage.run(
        cohort_uri,
        groups.path,
        sorted_groups.path,
        fields.path,
        scars.path,
        subjects,
        results.path,
        settings,
        Recording(results_uri, tracking_uri, experiment, run_id),
    )
