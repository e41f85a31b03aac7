"""Where and how tasks run: image, resources, GPU, credentials, user; and the parameters that say so."""

from __future__ import annotations

from kfp import dsl, kubernetes

from components.images import image
from pipelines.signature import Channels, Parameter, Parameters

USER = 65532
"""User and group of every task, as in the project's images, whatever user the image names."""

PARALLEL_SHARDS = 10
"""Shards in flight at once. Fixed when a pipeline is compiled: Kubeflow takes no parameter here."""

LITERALS = {
    "target": ["auto", "probability", "labels", "fwhm", "nsd", "layers"],
    "label_table": ["cardioscar", "emidec", "acdc", "mnms", "scarnet"],
    "method": ["fourier", "reference"],
    "device": ["auto", "cpu", "cuda"],
    "projection": ["soft", "hard", "none"],
    "accelerator_limit": ["0", "1"],
}
"""Choices that the Kubeflow UI offers as a drop-down."""

NETWORK_SIZES = ["tiny", "small", "base"]
"""Sizes of the networks that are trained."""

TASKS = Parameters({
    "task_image": Parameter(str, "Image of the tasks that need no GPU.", image("cpu")),
    "cpu": Parameter(str, "CPU limit of the tasks that need no GPU.", "2"),
    "memory": Parameter(str, "Memory limit of the tasks that need no GPU.", "8Gi"),
})  # fmt: skip
"""Resources of the tasks that need no GPU."""

FITS = Parameters({
    "train_image": Parameter(
        str, "Image of the tasks that fit; the CUDA image where they get a GPU, else that of the others.", image("cuda")
    ),
    "train_cpu": Parameter(str, "CPU limit of the tasks that fit.", "4"),
    "train_memory": Parameter(str, "Memory limit of the tasks that fit, 2 GiB of shared memory included.", "16Gi"),
    "accelerator_type": Parameter(str, "Resource name of the GPUs.", "nvidia.com/gpu"),
    "accelerator_limit": Parameter(
        str, "GPUs of each task that fits; 0, with an empty node_selector, fits on CPUs; 1 needs the CUDA image.", "1"
    ),
    "node_selector": Parameter(
        dict, "Labels that nodes for the tasks that fit must have, as JSON.", {"nvidia.com/gpu.present": "true"}
    ),
    "tolerations": Parameter(
        list, "Taints that the tasks that fit tolerate, as a JSON list.",
        [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    ),
})  # fmt: skip
"""Resources of the tasks that fit fields, with a GPU each."""

FITS_ON_CPUS = FITS.with_defaults(train_image=image("cpu"), accelerator_limit="0", node_selector={}, tolerations=[])
"""The same without a GPU."""

ACCESS = Parameters({
    "s3_secret": Parameter(
        str, "Secret with accesskey and secretkey of the object store; may be absent.", "cardioscar-s3-runs"
    ),
    "mlflow_secret": Parameter(
        str, "Secret with username and password of the MLflow server; may be absent.", "cardioscar-mlflow"
    ),
    "endpoints": Parameter(
        str, "ConfigMap with AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION, MLFLOW_TRACKING_URI; may be absent.",
        "cardioscar-endpoints",
    ),
})  # fmt: skip
"""Where endpoints and credentials of object store and tracking server are."""

_S3_KEYS = {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}
_MLFLOW_KEYS = {"username": "MLFLOW_TRACKING_USERNAME", "password": "MLFLOW_TRACKING_PASSWORD"}
_S3_ENDPOINT = {"AWS_ENDPOINT_URL_S3": "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION": "AWS_DEFAULT_REGION"}
_MLFLOW_ENDPOINT = {"MLFLOW_TRACKING_URI": "MLFLOW_TRACKING_URI"}


def place(
    task: dsl.PipelineTask, display_name: str, given: Channels, *, caching: bool = False, retries: int = 2
) -> None:
    """Give a task that needs no GPU its name, image, resources and user.

    A retry repeats work where a pod was lost (node gone, evicted). A task that ends with a code of its own is not
    repeated by the stock installation of Kubeflow: what may pass is repeated inside the process.
    """
    task.set_container_image(given.task_image)
    task.set_cpu_limit(given.cpu)
    task.set_memory_limit(given.memory)
    task.set_caching_options(caching)
    _run_as(task, display_name, retries)


def place_fit(task: dsl.PipelineTask, display_name: str, given: Channels) -> None:
    """Give a task that fits its resources, GPUs, the nodes that have them, and memory that processes of torch share."""
    task.set_container_image(given.train_image)
    task.set_cpu_limit(given.train_cpu)
    task.set_memory_limit(given.train_memory)
    task.set_caching_options(False)
    task.set_accelerator_type(given.accelerator_type)
    task.set_accelerator_limit(given.accelerator_limit)
    kubernetes.add_node_selector_json(task, given.node_selector)
    kubernetes.add_toleration_json(task, given.tolerations)
    kubernetes.empty_dir_mount(task, "dshm", "/dev/shm", medium="Memory", size_limit="2Gi")  # noqa: S108
    _run_as(task, display_name, retries=2)


def _run_as(task: dsl.PipelineTask, display_name: str, retries: int) -> None:
    task.set_display_name(display_name)
    if retries:
        task.set_retry(retries, backoff_duration="10s", backoff_factor=3.0)
    # all that kfp-kubernetes offers; Kubeflow's compiler drops capabilities and forbids escalation by itself
    kubernetes.set_security_context(task, run_as_user=USER, run_as_group=USER, run_as_non_root=True)


def connect(task: dsl.PipelineTask, given: Channels, *, mlflow: bool = False) -> None:
    """Give a task the endpoints and credentials of object store and tracking server, where they exist."""
    kubernetes.use_secret_as_env(task, given.s3_secret, _S3_KEYS, optional=True)
    keys = _S3_ENDPOINT
    if mlflow:
        kubernetes.use_secret_as_env(task, given.mlflow_secret, _MLFLOW_KEYS, optional=True)
        keys = {**_S3_ENDPOINT, **_MLFLOW_ENDPOINT}
    kubernetes.use_config_map_as_env(task, given.endpoints, keys, optional=True)
