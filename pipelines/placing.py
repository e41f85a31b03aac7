"""Where and how tasks run: image, resources, GPU, credentials, user."""

from kfp import kubernetes

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

_S3_KEYS = {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"}
_MLFLOW_KEYS = {"username": "MLFLOW_TRACKING_USERNAME", "password": "MLFLOW_TRACKING_PASSWORD"}
_S3_ENDPOINT = {"AWS_ENDPOINT_URL_S3": "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION": "AWS_DEFAULT_REGION"}
_MLFLOW_ENDPOINT = {"MLFLOW_TRACKING_URI": "MLFLOW_TRACKING_URI"}


def place(task, display_name, image, cpu, memory, caching=False, retries=2):
    """Give a task its name, image, resources and user.

    A retry repeats work where a pod was lost (node gone, evicted). A task that ends with a code of its own is not
    repeated by the stock installation of Kubeflow: what may pass is repeated inside the process.
    """
    task.set_display_name(display_name)
    task.set_container_image(image)
    task.set_cpu_limit(cpu)
    task.set_memory_limit(memory)
    task.set_caching_options(caching)
    if retries:
        task.set_retry(retries, backoff_duration="10s", backoff_factor=3.0)
    # all that kfp-kubernetes offers; Kubeflow's compiler drops capabilities and forbids escalation by itself
    kubernetes.set_security_context(task, run_as_user=USER, run_as_group=USER, run_as_non_root=True)
    return task


def place_on_gpu(task, accelerator_type, accelerator_limit, node_selector, tolerations):
    """Give a task GPUs, the nodes that have them, and memory that worker processes of torch share."""
    task.set_accelerator_type(accelerator_type)
    task.set_accelerator_limit(accelerator_limit)
    kubernetes.add_node_selector_json(task, node_selector)
    kubernetes.add_toleration_json(task, tolerations)
    kubernetes.empty_dir_mount(task, "dshm", "/dev/shm", medium="Memory", size_limit="2Gi")  # noqa: S108


def connect(task, s3_secret, endpoints, mlflow_secret=None):
    """Give a task the endpoints and credentials of object store and tracking server, where they exist."""
    kubernetes.use_secret_as_env(task, s3_secret, _S3_KEYS, optional=True)
    keys = _S3_ENDPOINT
    if mlflow_secret is not None:
        kubernetes.use_secret_as_env(task, mlflow_secret, _MLFLOW_KEYS, optional=True)
        keys = {**_S3_ENDPOINT, **_MLFLOW_ENDPOINT}
    kubernetes.use_config_map_as_env(task, endpoints, keys, optional=True)
