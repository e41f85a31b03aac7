"""Quantify the left ventricle in cine MR."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def quantify(
    cohort_uri: str,
    subjects: list[str],
    results_uri: str,
    quantified: dsl.Output[dsl.Dataset],
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    run_id: str = "",
    network: str = "shipped",
    views: int = 4,
    label_table: str = "cardioscar",
    device: str = "auto",
    figures: bool = True,
    options: dict = {},  # noqa: B006
):
    """Segment and measure each subject's cine, publish and record volumes, indices, labels and a page.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        subjects: Ids of the subjects of this shard.
        results_uri: Folder or s3:// prefix in which each subject's results are published.
        quantified: One folder for each subject with metrics.json, indices.csv, labels.nii.gz and status.json.
        tracking_uri: MLflow server; empty takes MLFLOW_TRACKING_URI, and without that tracks nothing.
        experiment: MLflow experiment of the cohort.
        run_id: Name of the run, which vouches for what it publishes; empty for none.
        network: Quantifier: shipped, a folder, s3://bucket/prefix, models:/name/version or models:/name@alias.
        views: Turns and mirror images in which the network looks: 1 (none), 2, 4 or 8.
        label_table: Convention of labels that came with a subject.
        device: Where the network computes: auto (a GPU if the pod has one), cpu or cuda.
        figures: Draw the figures of the report.
        options: Further settings of quantify by name, such as {"least_surrounded": 0.6}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.lvquant import quantify as stage
    from cardioscar.stages.recording import Recording

    configure(stderr=True)
    settings = dict(
        network=network,
        views=views,
        label_table=label_table,
        device=device,
        figures=figures,
        **options,
    )  # names a setting that is given twice
    recording = Recording(results_uri, tracking_uri, experiment, run_id)
    stage.run(cohort_uri, subjects, quantified.path, settings, recording)
