"""From a cohort of LGE-MRI slices to 3D scar maps with one task for each shard of subjects, and one verdict."""

from kfp import dsl

from components.data_processing.list_subjects import list_subjects
from components.evaluation.summarize_cohort import summarize_cohort
from components.images import image
from components.training.reconstruct import reconstruct
from pipelines.placing import PARALLEL_SHARDS, connect, place, place_on_gpu


@dsl.pipeline(name="reconstruct-shard-fused", description="All stages over one shard of subjects, in one task.")
def reconstruct_shard_fused(
    cohort_uri: str,
    subjects: list[str],
    results_uri: str,
    tracking_uri: str,
    experiment: str,
    target: str,
    holdout: str,
    label_table: str,
    edge_mm: float,
    n_sd: float,
    batch_nodes: int,
    method: str,
    device: str,
    prior: str,
    seed: int,
    samples: int,
    projection: str,
    threshold: float,
    write_nifti: bool,
    write_opencarp: bool,
    figures: bool,
    preprocess_options: dict,
    group_sort_options: dict,
    train_options: dict,
    infer_options: dict,
    evaluate_options: dict,
    train_image: str,
    train_cpu: str,
    train_memory: str,
    accelerator_type: str,
    accelerator_limit: str,
    node_selector: dict,
    tolerations: list,
    s3_secret: str,
    mlflow_secret: str,
    endpoints: str,
):
    """The body of the loop, which takes resources as arguments; see `reconstruct_cohort`."""
    done = reconstruct(
        cohort_uri=cohort_uri,
        subjects=subjects,
        results_uri=results_uri,
        tracking_uri=tracking_uri,
        experiment=experiment,
        run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        target=target,
        holdout=holdout,
        label_table=label_table,
        edge_mm=edge_mm,
        n_sd=n_sd,
        batch_nodes=batch_nodes,
        method=method,
        device=device,
        prior=prior,
        seed=seed,
        samples=samples,
        projection=projection,
        threshold=threshold,
        write_nifti=write_nifti,
        write_opencarp=write_opencarp,
        figures=figures,
        preprocess_options=preprocess_options,
        group_sort_options=group_sort_options,
        train_options=train_options,
        infer_options=infer_options,
        evaluate_options=evaluate_options,
    )
    place(done, "Reconstruct", train_image, train_cpu, train_memory)
    connect(done, s3_secret, endpoints, mlflow_secret)
    place_on_gpu(done, accelerator_type, accelerator_limit, node_selector, tolerations)


@dsl.pipeline(
    name="reconstruct-cohort-fused",
    display_name="Reconstruct cohort, one task a shard",
    description="3D myocardial scar maps, with uncertainty, from sparse LGE-MRI slices. Research use only.",
)
def reconstruct_cohort_fused(
    cohort_uri: str,
    results_uri: str,
    tracking_uri: str = "",
    experiment: str = "cardioscar",
    subjects: str = "",
    shard_size: int = 8,
    max_failed_fraction: float = 0.1,
    target: str = "auto",
    holdout: str = "none",
    label_table: str = "cardioscar",
    edge_mm: float = 1.5,
    n_sd: float = 5.0,
    batch_nodes: int = 10000,
    method: str = "fourier",
    device: str = "auto",
    prior: str = "",
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
    task_image: str = image("cpu"),
    cpu: str = "2",
    memory: str = "8Gi",
    train_image: str = image("cpu"),
    train_cpu: str = "4",
    train_memory: str = "16Gi",
    accelerator_type: str = "nvidia.com/gpu",
    accelerator_limit: str = "0",
    node_selector: dict = {},  # noqa: B006
    tolerations: list = [],  # noqa: B006
    s3_secret: str = "cardioscar-s3-runs",  # noqa: S107 (the name of a Secret)
    mlflow_secret: str = "cardioscar-mlflow",  # noqa: S107 (the name of a Secret)
    endpoints: str = "cardioscar-endpoints",
):
    """3D myocardial scar maps, with uncertainty, for every subject of a cohort, all stages of a shard in one pod.

    For small cohorts, which wait for pods more than for work, and for cohorts of many shards, of which more fit into
    a run. Parameters are those of reconstruct_cohort; nothing is cached, and a GPU is held for all stages.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        results_uri: Folder or s3:// prefix in which results and reports are published.
        tracking_uri: MLflow server; empty takes the one named by the endpoints, if any.
        experiment: MLflow experiment of the cohort.
        subjects: Ids of the subjects to process, separated by commas; empty for all.
        shard_size: Largest number of subjects handled by one pod; shards cost about the same.
        max_failed_fraction: Largest fraction of failed subjects with which the run succeeds, 0 to 1.
        target: What a pixel says about scar; auto decides by the files that a subject has.
        holdout: Slices whose scar is hidden and scored later: none, odd or even index (never the outermost), or a list.
        label_table: Convention of the label volumes.
        edge_mm: Edge length of meshes built from labels, in mm.
        n_sd: Standard deviations above remote myocardium at which n-SD calls scar.
        batch_nodes: Number of nodes that a batch of complete groups aims at.
        method: fourier (Fourier features, full batch) or reference (the published network).
        device: Where fields are fitted; auto takes a GPU if the pod has one.
        prior: Pretrained network that fits start from, s3://bucket/prefix or models:/name/version; empty for none.
        seed: Seed of every random draw.
        samples: Monte Carlo dropout samples whose mean enters the map; 0 takes 20, and 10 for the reference.
        projection: How strictly the result obeys the pixels.
        threshold: Probability from which a node counts as scar, 0 to 1.
        write_nifti: Write the scar probability as NIfTI volumes as well.
        write_opencarp: Write openCARP element tags as well.
        figures: Draw the figures of the subjects' reports.
        preprocess_options: Further settings of preprocess by name, such as {"slice_thickness_mm": 8}.
        group_sort_options: Further settings of group_sort by name.
        train_options: Further settings of train by name, such as {"steps": 100, "freeze": ["head"]}.
        infer_options: Further settings of infer by name.
        evaluate_options: Further settings of evaluate by name.
        task_image: Image of the tasks that list and summarize.
        cpu: CPU limit of the tasks that list and summarize.
        memory: Memory limit of the tasks that list and summarize.
        train_image: Image of the pods that reconstruct; the CUDA image where they get a GPU.
        train_cpu: CPU limit of the pods that reconstruct.
        train_memory: Memory limit of the pods that reconstruct, 2 GiB of shared memory included.
        accelerator_type: Resource name of the GPUs.
        accelerator_limit: GPUs of each pod that reconstructs; 1 needs the CUDA image.
        node_selector: Labels that nodes for these pods must have, as JSON.
        tolerations: Taints that these pods tolerate, as a JSON list.
        s3_secret: Secret with accesskey and secretkey of the object store; may be absent.
        mlflow_secret: Secret with username and password of the MLflow server; may be absent.
        endpoints: ConfigMap with AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION, MLFLOW_TRACKING_URI; may be absent.
    """
    listed = list_subjects(cohort_uri=cohort_uri, shard_size=shard_size, subjects=subjects)
    place(listed, "List subjects", task_image, cpu, memory, retries=0)
    connect(listed, s3_secret, endpoints)

    with dsl.ParallelFor(listed.outputs["Output"], name="shards", parallelism=PARALLEL_SHARDS) as shard:
        reconstructed = reconstruct_shard_fused(
            cohort_uri=cohort_uri,
            subjects=shard,
            results_uri=results_uri,
            tracking_uri=tracking_uri,
            experiment=experiment,
            target=target,
            holdout=holdout,
            label_table=label_table,
            edge_mm=edge_mm,
            n_sd=n_sd,
            batch_nodes=batch_nodes,
            method=method,
            device=device,
            prior=prior,
            seed=seed,
            samples=samples,
            projection=projection,
            threshold=threshold,
            write_nifti=write_nifti,
            write_opencarp=write_opencarp,
            figures=figures,
            preprocess_options=preprocess_options,
            group_sort_options=group_sort_options,
            train_options=train_options,
            infer_options=infer_options,
            evaluate_options=evaluate_options,
            train_image=train_image,
            train_cpu=train_cpu,
            train_memory=train_memory,
            accelerator_type=accelerator_type,
            accelerator_limit=accelerator_limit,
            node_selector=node_selector,
            tolerations=tolerations,
            s3_secret=s3_secret,
            mlflow_secret=mlflow_secret,
            endpoints=endpoints,
        )

    summary = summarize_cohort(
        cohort_uri=cohort_uri,
        results_uri=results_uri,
        max_failed_fraction=max_failed_fraction,
        tracking_uri=tracking_uri,
        experiment=experiment,
        subjects=subjects,
        run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
    ).after(reconstructed)
    place(summary, "Summarize cohort", task_image, cpu, memory, retries=0)
    connect(summary, s3_secret, endpoints, mlflow_secret)
