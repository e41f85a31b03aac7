"""Quantify the left ventricle of each patient, where a cine is there."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def study_function(
    cohort_uri: str,
    subjects: list[str],
    functions: dsl.Output[dsl.Dataset],
    cine_network: str = "shipped",
    cine_views: int = 4,
    device: str = "auto",
    figures: bool = True,
    options: dict = {},  # noqa: B006
):
    """Quantify the left ventricle of each patient, where a cine is there; by a reader's labels where these are there.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        subjects: Ids of the subjects of this shard.
        functions: One folder for each subject with modality.json, cine_labels.nii.gz, function.html and status.json.
        cine_network: Network that labels cines: shipped, a folder, s3://bucket/prefix, models:/name/version or
            models:/name@alias.
        cine_views: Turns and mirror images in which the network looks: 1, 2, 4 or 8.
        device: Where networks compute and fields are fitted: auto (a GPU if the pod has one), cpu or cuda.
        figures: Draw the figures of the reports.
        options: Further settings of quantify by name, such as {"least_surrounded": 0.4}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.study import study_function as stage

    configure(stderr=True)
    # a call, because it names a setting that is given twice
    settings = dict(network=cine_network, views=cine_views, device=device, figures=figures, **options)
    stage.run(cohort_uri, subjects, functions.path, {"quantify": settings})
