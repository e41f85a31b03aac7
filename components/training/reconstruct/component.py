"""All five stages over a shard, in one pod."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("cpu"), install_kfp_package=False)
def reconstruct(
    cohort_uri: str,
    subjects: list[str],
    results_uri: str,
    work: dsl.Output[dsl.Dataset],
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    run_id: str = "",
    target: str = "auto",
    holdout: str = "none",
    label_table: str = "cardioscar",
    edge_mm: float = 1.5,
    n_sd: float = 5.0,
    segmenter: str = "shipped",
    batch_nodes: int = 10000,
    method: str = "fourier",
    device: str = "auto",
    start_from: str = "",
    seed: int = 0,
    samples: int = 0,
    projection: str = "soft",
    threshold: float = 0.5,
    write_nifti: bool = False,
    write_opencarp: bool = False,
    figures: bool = True,
    preprocess_options: dict = {},  # noqa: B006
    group_sort_options: dict = {},  # noqa: B006
    train_options: dict = {},  # noqa: B006
    infer_options: dict = {},  # noqa: B006
    evaluate_options: dict = {},  # noqa: B006
):
    """Reconstruct, score, report and register each subject: the five stages one after the other in one pod.

    For shards of little work, whose pods would take longer to start than to finish. Results are those of the five
    components.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        subjects: Ids of the subjects of this shard.
        results_uri: Folder or s3:// prefix in which each subject's results are published.
        work: A folder for each stage, with one folder for each subject and its status.json.
        tracking_uri: MLflow server; empty takes MLFLOW_TRACKING_URI, and without that tracks nothing.
        experiment: MLflow experiment of the cohort.
        run_id: Name of the run, which vouches for what it publishes; empty for none.
        target: What a pixel says about scar: auto (by the files that there are), probability, labels, fwhm or
            nsd (thresholds on the LGE image), layers (VTK grid layers).
        holdout: Slices whose scar is hidden and scored later: none, odd or even index (never the outermost), or a list.
        label_table: Convention of the label volumes.
        edge_mm: Edge length of meshes built from labels, in mm.
        n_sd: Standard deviations above remote myocardium at which n-SD calls scar.
        segmenter: Network that finds wall and scar where there are no labels: shipped, a folder, s3://bucket/prefix
            or models:/name/version; none refuses such subjects.
        batch_nodes: Number of nodes that a batch of complete groups aims at.
        method: fourier (Fourier features, full batch) or reference (the published network).
        device: Where fields are fitted: auto (a GPU if the pod has one), cpu or cuda.
        start_from: Pretrained network: a folder, s3://bucket/prefix or models:/name/version; empty for none.
        seed: Seed of every random draw.
        samples: Monte Carlo dropout samples whose mean enters the map; 0 takes 20, and 10 for the reference.
        projection: How strictly the result obeys the pixels: soft, hard or none.
        threshold: Probability from which a node counts as scar, 0 to 1.
        write_nifti: Write the scar probability as a NIfTI volume as well.
        write_opencarp: Write openCARP element tags as well.
        figures: Draw the figures of the report.
        preprocess_options: Further settings of preprocess by name, such as {"slice_thickness_mm": 8}.
        group_sort_options: Further settings of group_sort by name.
        train_options: Further settings of train by name, such as {"steps": 100, "freeze": ["head"]}.
        infer_options: Further settings of infer by name, such as {"draws": 128, "learned": false}.
        evaluate_options: Further settings of evaluate by name, such as {"leave_one_out": false}.
    """
    from cardioscar.logs import configure
    from cardioscar.stages.recording import Recording
    from cardioscar.stages.scar3d import reconstruct as stage

    configure(stderr=True)
    # calls, because they name a setting that is given twice
    options = {
        "preprocess": dict(
            target=target,
            holdout=holdout,
            label_table=label_table,
            edge_mm=edge_mm,
            n_sd=n_sd,
            segmenter=segmenter,
            **preprocess_options,
        ),
        "group_sort": dict(batch_nodes=batch_nodes, **group_sort_options),
        "train": dict(method=method, seed=seed, device=device, start_from=start_from, **train_options),
        "infer": dict(
            samples=samples,
            projection=projection,
            threshold=threshold,
            write_nifti=write_nifti,
            write_opencarp=write_opencarp,
            seed=seed,
            **infer_options,
        ),
        "evaluate": dict(figures=figures, **evaluate_options),
    }
    recording = Recording(results_uri, tracking_uri, experiment, run_id)
    stage.run(cohort_uri, subjects, work.path, options, recording)
