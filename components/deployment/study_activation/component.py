"""Tell when the wall of each patient begins to shorten."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def study_activation(
    cohort_uri: str,
    subjects: list[str],
    functions: dsl.Input[dsl.Dataset],
    activations: dsl.Output[dsl.Dataset],
    activation_network: str = "shipped",
    contours: bool = True,
    figures: bool = True,
    options: dict = {},  # noqa: B006
):
    """Tell when the wall of each patient begins to shorten, by strain or else by the contours of the cine.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        subjects: Ids of the subjects of this shard.
        functions: Output of study_function.
        activations: One folder for each subject with modality.json, onsets.npz, strain.npz,
            tos.csv, activation.html and status.json.
        activation_network: Networks that tell onsets: shipped, a folder, s3://bucket/prefix, models:/name/version or
            models:/name@alias.
        contours: Take the strain of the cine's contours where none was measured, or none can be used.
        figures: Draw the figures of the reports.
        options: Further settings by name, of detect and measure_strain under these names, such as
            {"measure_strain": {"denoise": true}}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.study import study_activation as stage

    configure(stderr=True)
    # calls, because they name a setting that is given twice
    detect = dict(network=activation_network, figures=figures, **options.get("detect", {}))
    others = {name: value for name, value in options.items() if name != "detect"}
    settings = dict(contours=contours, detect=detect, **others)
    stage.run(cohort_uri, functions.path, subjects, activations.path, settings)
