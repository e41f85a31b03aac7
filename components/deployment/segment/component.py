"""Find wall, cavity and scar in late-enhancement images."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def segment(
    cohort_uri: str,
    subjects: list[str],
    results_uri: str,
    segmentations: dsl.Output[dsl.Dataset],
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    run_id: str = "",
    network: str = "shipped",
    views: int = 8,
    n_sd: float = 5.0,
    label_table: str = "cardioscar",
    device: str = "auto",
    figures: bool = True,
    options: dict = {},  # noqa: B006
):
    """Find wall, cavity and scar in each subject's late-enhancement image, publish and record them.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        subjects: Ids of the subjects of this shard.
        results_uri: Folder or s3:// prefix in which each subject's results are published.
        segmentations: One folder for each subject with labels.nii.gz, scar_probability.nii.gz and status.json.
        tracking_uri: MLflow server; empty takes MLFLOW_TRACKING_URI, and without that tracks nothing.
        experiment: MLflow experiment of the cohort.
        run_id: Name of the run, which vouches for what it publishes; empty for none.
        network: Segmenter: shipped, a folder, s3://bucket/prefix, models:/name/version or models:/name@alias.
        views: Flips and turns that are averaged: 1 (none), 2, 4 or 8.
        n_sd: Standard deviations above remote myocardium at which n-SD, beside the network, calls scar.
        label_table: Convention of labels that came with a subject.
        device: Where the network computes: auto (a GPU if the pod has one), cpu or cuda.
        figures: Draw the figures of the report.
        options: Further settings of segment by name, such as {"rules": {"islands": false}}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.lge import segment as stage
    from cardioscar.stages.recording import Recording

    configure(stderr=True)
    settings = dict(
        network=network,
        views=views,
        n_sd=n_sd,
        label_table=label_table,
        device=device,
        figures=figures,
        **options,
    )  # names a setting that is given twice
    recording = Recording(results_uri, tracking_uri, experiment, run_id)
    stage.run(cohort_uri, subjects, segmentations.path, settings, recording)
