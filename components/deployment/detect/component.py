"""Tell onset and class of each subject's sectors, and map them."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def detect(
    cohort_uri: str,
    subjects: list[str],
    strains: dsl.Input[dsl.Dataset],
    results: dsl.Output[dsl.Dataset],
    results_uri: str,
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    run_id: str = "",
    network: str = "shipped",
    figures: bool = True,
    explain: bool = True,
    options: dict = {},  # noqa: B006
):
    """Tell onset and class of each subject's sectors, map them, write its report, publish and record it.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        subjects: Ids of the subjects of this shard.
        strains: Output of measure_strain.
        results: One folder for each subject with tos.csv, activation.vtu, metrics.json, report.html and status.json.
        results_uri: Folder or s3:// prefix in which each subject's results are published.
        tracking_uri: MLflow server; empty takes MLFLOW_TRACKING_URI, and without that tracks nothing.
        experiment: MLflow experiment of the cohort.
        run_id: Name of the run, which vouches for what it publishes; empty for none.
        network: Networks: shipped, a folder, s3://bucket/prefix, models:/name/version or models:/name@alias.
        figures: Draw the figures of the report.
        explain: Draw what the networks look at, where captum is installed.
        options: Further settings of detect by name, such as {"map": {"along_mm": 30}}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.activation import detect as stage
    from cardioscar.stages.recording import Recording

    configure(stderr=True)
    settings = dict(network=network, figures=figures, explain=explain, **options)  # names one given twice
    recording = Recording(results_uri, tracking_uri, experiment, run_id)
    stage.run(cohort_uri, strains.path, subjects, results.path, settings, recording)
