"""Groups of a pipeline's parameters, in the order in which they are used.

Kubeflow's form sorts parameters by name, knows no groups, and required ones stand among the others; what it shows of
each is its description. So each description begins with its group, numbered in the order of use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

GROUPS: Mapping[str, Sequence[str]] = {
    "Data": (
        "cohort_uri", "results_uri", "network_uri", "labelled_uri", "subjects", "family", "experiment", "tracking_uri",
        "register", "alias", "max_failed_fraction",
    ),
    "Input": (
        "target", "label_table", "holdout", "edge_mm", "n_sd", "sectors", "denoise", "contours", "preprocess_options",
        "group_sort_options", "measure_strain_options",
    ),
    "Method": (
        "method", "network", "segmenter", "cine_network", "activation_network", "architecture", "size", "members",
        "start_from", "like", "views", "cine_views", "batch_nodes", "samples", "projection", "threshold", "draws",
        "surface", "seed", "train_options", "infer_options", "segment_options", "quantify_options", "detect_options",
        "plan_options", "study_scar_options", "study_function_options", "study_activation_options",
        "train_activation_options", "train_lge_options", "train_lvquant_options",
    ),
    "Output": ("figures", "explain", "write_nifti", "write_opencarp", "evaluate_options"),
    "Resources": (
        "shard_size", "device", "cpu", "memory", "task_image", "train_cpu", "train_memory", "train_image",
        "accelerator_limit", "accelerator_type", "node_selector", "tolerations",
    ),
    "Access": ("endpoints", "s3_secret", "mlflow_secret"),
}  # fmt: skip
"""Names of parameters by group."""

PLACES = {
    name: (number, title, place)
    for number, (title, names) in enumerate(GROUPS.items(), start=1)
    for place, name in enumerate(names)
}


def in_order(names: Iterable[str]) -> list[str]:
    """Parameters in the order of use.

    Raises:
        KeyError: If one is in no group.

    >>> in_order(["s3_secret", "subjects", "cohort_uri"])
    ['cohort_uri', 'subjects', 's3_secret']
    """
    return sorted(names, key=lambda name: (PLACES[name][0], PLACES[name][2]))


def grouped(name: str, description: str, *, required: bool) -> str:
    """A description that begins with its group, and says that a parameter must be given.

    Args:
        name: The parameter.
        description: What it is.
        required: Whether it has no default.

    Raises:
        KeyError: If it is in no group.

    >>> grouped("cohort_uri", "Folder of subjects.", required=True)
    '1 Data, required: Folder of subjects.'
    """
    number, title, _ = PLACES[name]
    return f"{number} {title}{', required' if required else ''}: {description}"
