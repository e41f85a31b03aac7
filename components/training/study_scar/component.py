"""Reconstruct the scar of each patient, where late enhancement is there."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def study_scar(
    cohort_uri: str,
    subjects: list[str],
    scar_maps: dsl.Output[dsl.Dataset],
    target: str = "auto",
    label_table: str = "cardioscar",
    segmenter: str = "shipped",
    device: str = "auto",
    figures: bool = True,
    options: dict = {},  # noqa: B006
):
    """Reconstruct the scar of each patient, where late enhancement is there; by a network's labels where none are.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        subjects: Ids of the subjects of this shard.
        scar_maps: One folder for each subject with modality.json, wall.vtu, scar_draws.npz, scar.html and status.json.
        target: What a pixel says about scar: auto (by the files that there are), probability, labels, fwhm or
            nsd (thresholds on the LGE image), layers (VTK grid layers).
        label_table: Convention of the label volumes.
        segmenter: Network that labels images without labels: shipped, a folder, s3://bucket/prefix,
            models:/name/version or models:/name@alias.
        device: Where networks compute and fields are fitted: auto (a GPU if the pod has one), cpu or cuda.
        figures: Draw the figures of the reports.
        options: Further settings by name of segment, preprocess, group_sort, train, infer and evaluate, such as
            {"train": {"steps": 100}}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.study import study_scar as stage

    configure(stderr=True)
    shown: dict = {
        "segment": {"network": segmenter, "device": device, "figures": figures},
        "preprocess": {"target": target, "label_table": label_table},
        "train": {"device": device},
        "infer": {"device": device},
        "evaluate": {"figures": figures},
    }
    # a call, because it names a setting that is given twice
    settings = {name: dict(**shown.get(name, {}), **options.get(name, {})) for name in {**shown, **options}}
    stage.run(cohort_uri, subjects, scar_maps.path, settings)
