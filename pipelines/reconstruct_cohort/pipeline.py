"""From a cohort of LGE-MRI slices to 3D scar maps: shards of subjects, five stages each, one verdict."""

from kfp import dsl

from components.data_processing.group_sort import group_sort
from components.data_processing.list_subjects import list_subjects
from components.data_processing.preprocess import preprocess
from components.deployment.infer import infer
from components.evaluation.evaluate import evaluate
from components.evaluation.summarize_cohort import summarize_cohort
from components.images import image
from components.training.train import train
from pipelines.placing import PARALLEL_SHARDS, connect, place, place_on_gpu


@dsl.pipeline(name="reconstruct-shard", description="The five stages over one shard of subjects.")
def reconstruct_shard(
    cohort_uri: str,
    subjects: list[str],
    fingerprint: str,
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
    task_image: str,
    cpu: str,
    memory: str,
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
    """The body of the loop.

    It takes resources as arguments because Kubeflow does not declare them on a loop that uses them directly:
    such a pipeline compiles and fails at run time.
    """
    grouped = preprocess(
        cohort_uri=cohort_uri,
        subjects=subjects,
        target=target,
        holdout=holdout,
        label_table=label_table,
        edge_mm=edge_mm,
        n_sd=n_sd,
        options=preprocess_options,
        fingerprint=fingerprint,
    )
    place(grouped, "Preprocess", task_image, cpu, memory, caching=True)
    connect(grouped, s3_secret, endpoints)

    ordered = group_sort(
        subjects=subjects,
        groups=grouped.outputs["groups"],
        batch_nodes=batch_nodes,
        options=group_sort_options,
    )
    place(ordered, "Sort groups", task_image, cpu, memory, caching=True)

    fitted = train(
        subjects=subjects,
        sorted_groups=ordered.outputs["sorted_groups"],
        method=method,
        seed=seed,
        device=device,
        prior=prior,
        options=train_options,
    )
    place(fitted, "Train", train_image, train_cpu, train_memory)
    connect(fitted, s3_secret, endpoints, mlflow_secret)  # a prior lies in the object store or the registry
    place_on_gpu(fitted, accelerator_type, accelerator_limit, node_selector, tolerations)

    inferred = infer(
        subjects=subjects,
        groups=grouped.outputs["groups"],
        sorted_groups=ordered.outputs["sorted_groups"],
        fields=fitted.outputs["fields"],
        samples=samples,
        projection=projection,
        threshold=threshold,
        write_nifti=write_nifti,
        write_opencarp=write_opencarp,
        seed=seed,
        options=infer_options,
    )
    place(inferred, "Infer", task_image, cpu, memory)

    evaluated = evaluate(
        cohort_uri=cohort_uri,
        subjects=subjects,
        groups=grouped.outputs["groups"],
        sorted_groups=ordered.outputs["sorted_groups"],
        fields=fitted.outputs["fields"],
        scars=inferred.outputs["scars"],
        results_uri=results_uri,
        tracking_uri=tracking_uri,
        experiment=experiment,
        run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        figures=figures,
        options=evaluate_options,
    )
    place(evaluated, "Evaluate", task_image, cpu, memory)
    connect(evaluated, s3_secret, endpoints, mlflow_secret)


@dsl.pipeline(
    name="reconstruct-cohort",
    display_name="Reconstruct cohort",
    description="3D myocardial scar maps, with uncertainty, from sparse LGE-MRI slices. Research use only.",
)
def reconstruct_cohort(
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
    train_image: str = image("cuda"),
    train_cpu: str = "4",
    train_memory: str = "16Gi",
    accelerator_type: str = "nvidia.com/gpu",
    accelerator_limit: str = "1",
    node_selector: dict = {"nvidia.com/gpu.present": "true"},  # noqa: B006
    tolerations: list = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],  # noqa: B006
    s3_secret: str = "cardioscar-s3-runs",  # noqa: S107 (the name of a Secret)
    mlflow_secret: str = "cardioscar-mlflow",  # noqa: S107 (the name of a Secret)
    endpoints: str = "cardioscar-endpoints",
):
    """3D myocardial scar maps, with uncertainty, for every subject of a cohort.

    Args:
        cohort_uri: Folder or s3:// prefix of subject folders, or of a cohort.csv.
        results_uri: Folder or s3:// prefix in which results and reports are published.
        tracking_uri: MLflow server; empty takes the one named by the endpoints, if any.
        experiment: MLflow experiment of the cohort.
        subjects: Ids of the subjects to process, separated by commas; empty for all.
        shard_size: Largest number of subjects handled by one pod of each stage; shards cost about the same.
        max_failed_fraction: Largest fraction of failed subjects with which the run succeeds, 0 to 1; maps that fail
            quality control count.
        target: What a pixel says about scar; auto decides by the files that a subject has.
        holdout: Slices whose scar is hidden and scored later: none, odd, even (never the outermost), or a list.
        label_table: Convention of the label volumes.
        edge_mm: Edge length of meshes built from labels, in mm.
        n_sd: Standard deviations above remote myocardium at which n-SD calls scar.
        batch_nodes: Number of nodes that a batch of complete groups aims at.
        method: fourier (Fourier features, full batch) or reference (the published network and its map).
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
        task_image: Image of all tasks but train.
        cpu: CPU limit of all tasks but train.
        memory: Memory limit of all tasks but train.
        train_image: Image of train; on a cluster without GPUs that of the other tasks does.
        train_cpu: CPU limit of train.
        train_memory: Memory limit of train, 2 GiB of shared memory included.
        accelerator_type: Resource name of the GPUs.
        accelerator_limit: GPUs of each train pod; 0, with an empty node_selector, trains on CPUs.
        node_selector: Labels that nodes for train must have, as JSON.
        tolerations: Taints that train tolerates, as a JSON list.
        s3_secret: Secret with accesskey and secretkey of the object store; may be absent.
        mlflow_secret: Secret with username and password of the MLflow server; may be absent.
        endpoints: ConfigMap with AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION, MLFLOW_TRACKING_URI; may be absent.
    """
    listed = list_subjects(cohort_uri=cohort_uri, shard_size=shard_size, subjects=subjects)
    place(listed, "List subjects", task_image, cpu, memory, retries=0)
    connect(listed, s3_secret, endpoints)

    with dsl.ParallelFor(listed.outputs["Output"], name="shards", parallelism=PARALLEL_SHARDS) as shard:
        reconstructed = reconstruct_shard(
            cohort_uri=cohort_uri,
            subjects=shard,
            # kfp.local 2.17 passes the loop item here; harmless, for nothing is cached there.
            fingerprint=listed.outputs["fingerprint"],
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
            task_image=task_image,
            cpu=cpu,
            memory=memory,
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
