"""Map the pixels of each slice to the mesh nodes that they see."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def preprocess(
    cohort_uri: str,
    subjects: list[str],
    groups: dsl.Output[dsl.Dataset],
    target: str = "auto",
    holdout: str = "none",
    label_table: str = "cardioscar",
    edge_mm: float = 1.5,
    n_sd: float = 5.0,
    segmenter: str = "shipped",
    options: dict = {},  # noqa: B006
    fingerprint: str = "",
):
    """Map the pixels of each slice to the mesh nodes that they see.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        subjects: Ids of the subjects of this shard.
        groups: One folder for each subject with groups.npz, mesh.vtu and status.json.
        target: What a pixel says about scar: auto (by the files that there are), probability, labels, fwhm or
            nsd (thresholds on the LGE image), layers (VTK grid layers).
        holdout: Slices whose scar is hidden and scored later: none, odd, even (never the outermost), or a list.
        label_table: Convention of the label volumes.
        edge_mm: Edge length of meshes built from labels, in mm.
        n_sd: Standard deviations above remote myocardium at which n-SD calls scar.
        segmenter: Network that finds wall and scar where there are no labels: shipped, a folder, s3://bucket/prefix
            or models:/name/version; none refuses such subjects.
        options: Further settings of preprocess by name, such as {"slice_thickness_mm": 8}.
        fingerprint: Hash of the cohort's contents; a new one makes Kubeflow run a cached task again.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.scar3d import preprocess as stage

    configure(stderr=True)
    settings = dict(
        target=target,
        holdout=holdout,
        label_table=label_table,
        edge_mm=edge_mm,
        n_sd=n_sd,
        segmenter=segmenter,
        **options,
    )  # names a setting that is given twice
    stage.run(cohort_uri, subjects, groups.path, settings)
