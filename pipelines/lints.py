"""Rules that a compiled pipeline must obey: their breaches compile silently and fail on the cluster."""

import re
from collections.abc import Callable, Iterator

from pipelines.ir import IR, ROOT, find
from pipelines.type_lints import mistyped_inputs, untyped_loops

MAX_SPEC_BYTES = 200 * 1024
"""The workflow object holds the spec, and may have 1 MiB with everything that a run adds to it."""

MAX_ARGUMENT_BYTES = 128 * 1024
"""Longest single argument of a process on Linux (`MAX_ARG_STRLEN`)."""

UNCACHED = (
    "list-subjects",
    "train",
    "infer",
    "evaluate",
    "reconstruct",
    "segment",
    "quantify",
    "measure-strain",
    "detect",
    "summarize-cohort",
    "study-scar",
    "study-function",
    "study-activation",
    "plan",
)
"""Tasks that read or write outside their artifacts, or whose cache key would miss what they depend on."""

FINGERPRINTED = ("preprocess",)
"""Cached tasks that read the cohort itself, and so need the hash of its contents as a parameter."""

GPU_TASKS = ("train", "reconstruct", "segment", "quantify", "study-scar")
"""Tasks that may run on a GPU; a pipeline that goes through subjects has one of them."""

CPU_TASKS = ("detect",)
"""Tasks of pipelines that go through subjects and need no GPU."""

_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")
_PIP = re.compile(r"\bpip3?\s+install\b|\buv\s+(?:pip|add)\b|ensurepip")
_SECRET_NAME = re.compile(r"(?:password|passwd|token|secret_?key|access_?key|credential)s?$", re.IGNORECASE)
_IMAGE_REFERENCE = re.compile(r"(?P<name>[^@]+?)(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?")


def undeclared_channels(ir: IR) -> Iterator[str]:
    """A task may only use inputs that its DAG declares, and containers only those that their task receives.

    Kubeflow's compiler drops resource parameters used inside `ParallelFor` and `If` from the loop's inputs.
    """
    for task in ir.tasks():
        declared = ir.component(task.dag).get("inputDefinitions", {})
        where = f"{task.dag}/{task.name}"
        settings = ir.kubernetes(task)
        for kind, key in (("parameters", "componentInputParameter"), ("artifacts", "componentInputArtifact")):
            known = declared.get(kind, {})
            for name in [*find(task.spec.get("inputs", {}), key), *find(settings, key)]:
                if name not in known:
                    yield f"{where}: uses {name!r}, which {task.dag} does not declare"
        iterated = task.spec.get("parameterIterator", {}).get("items", {}).get("inputParameter")
        if iterated is not None and iterated not in task.spec["inputs"]["parameters"]:
            yield f"{where}: loops over {iterated!r}, which it does not receive"
    for task, container in ir.container_tasks():
        received = task.spec.get("inputs", {}).get("parameters", {})
        for name in _PLACEHOLDER.findall(str(container)):
            if name not in received:
                yield f"{task.dag}/{task.name}: its container uses {name!r}, which the task does not receive"


def numeric_resources(ir: IR) -> Iterator[str]:
    """Image, CPU, memory and accelerator parameters are strings: the driver reads any other type as empty."""
    for task, container in ir.container_tasks():
        received = task.spec.get("inputs", {}).get("parameters", {})
        declared = ir.parameters(task.dag)
        for name in _PLACEHOLDER.findall(f"{container.get('resources')} {container.get('image')}"):
            outer = received.get(name, {}).get("componentInputParameter", "")
            kind = declared.get(outer, {}).get("parameterType", "STRING")
            if kind != "STRING":
                yield f"{task.dag}/{task.name}: resource {outer!r} has type {kind}, expected STRING"


def missing_limits(ir: IR) -> Iterator[str]:
    """Every container has a CPU and a memory limit: without them one task can starve its node."""
    for task, container in ir.container_tasks():
        resources = container.get("resources", {})
        for key, name in (("resourceCpuLimit", "CPU"), ("resourceMemoryLimit", "memory")):
            if not resources.get(key):
                yield f"{task.dag}/{task.name}: has no {name} limit"


def unplaced_gpu_tasks(ir: IR) -> Iterator[str]:
    """GPU tasks have accelerator, node selector and tolerations, all as parameters, and shared memory."""
    seen = set()
    for task, container in ir.container_tasks():
        if task.name not in GPU_TASKS:
            continue
        seen.add(task.name)
        where = f"{task.dag}/{task.name}"
        settings = ir.kubernetes(task)
        accelerator = container.get("resources", {}).get("accelerator", {})
        if not (accelerator.get("resourceType") and accelerator.get("resourceCount")):
            yield f"{where}: has no accelerator type and limit"
        if not settings.get("nodeSelector", {}).get("nodeSelectorJson", {}).get("componentInputParameter"):
            yield f"{where}: has no node selector parameter"
        if not list(find(settings.get("tolerations", []), "tolerationJson")):
            yield f"{where}: has no tolerations parameter"
        mounts = settings.get("emptyDirMounts", [])
        if not any(m.get("mountPath") == "/dev/shm" and m.get("medium") == "Memory" for m in mounts):  # noqa: S108
            yield f"{where}: has no memory-backed /dev/shm"
    names = {task.name for task, _ in ir.container_tasks()}
    if not seen and "list-subjects" in names and not names & {*CPU_TASKS}:
        yield f"{' or '.join(GPU_TASKS)}: expected a task of this name"


def run_time_installs(ir: IR) -> Iterator[str]:
    """Nothing is installed when a pod starts: hospitals are offline, and an install is not reproducible."""
    for task, container in ir.container_tasks():
        if _PIP.search("\n".join([*container.get("command", []), *container.get("args", [])])):
            yield f"{task.dag}/{task.name}: installs packages at run time"


def large_specs(ir: IR) -> Iterator[str]:
    """The spec and each of its strings stay far below what Kubernetes and Linux accept."""
    size = len(ir.dump().encode())
    if size > MAX_SPEC_BYTES:
        yield f"spec: has {size} bytes, expected at most {MAX_SPEC_BYTES}"
    for task, container in ir.container_tasks():
        longest = max(len(part.encode()) for part in [*container.get("command", []), *container.get("args", []), ""])
        if longest > MAX_ARGUMENT_BYTES:
            yield f"{task.dag}/{task.name}: argument of {longest} bytes, at most {MAX_ARGUMENT_BYTES} work"


def floating_images(ir: IR) -> Iterator[str]:
    """Images have a digest or a tag other than `latest`, in place or as a parameter's default."""
    found = [(f"{t.dag}/{t.name}", c["image"]) for t, c in ir.container_tasks() if not _PLACEHOLDER.search(c["image"])]
    found += [
        (f"{dag}: {name}", spec["defaultValue"])
        for dag in ir.dags()
        for name, spec in ir.parameters(dag).items()
        if name.endswith("image") and "defaultValue" in spec
    ]
    for where, reference in found:
        match = _IMAGE_REFERENCE.fullmatch(reference)
        if not match or not (match["digest"] or match["tag"]) or (match["tag"] == "latest" and not match["digest"]):
            yield f"{where}: image {reference!r} has no fixed tag or digest"


def wrong_caching(ir: IR) -> Iterator[str]:
    """Caching is off where its key misses what a task depends on; tasks that read data need a fingerprint."""
    for task, _ in ir.container_tasks():
        cached = bool(task.spec.get("cachingOptions", {}).get("enableCache"))
        if cached and task.name in UNCACHED:
            yield f"{task.dag}/{task.name}: is cached, but must run every time"
        if cached and task.name in FINGERPRINTED:
            given = task.spec.get("inputs", {}).get("parameters", {}).get("fingerprint", {})
            if not (given.get("componentInputParameter") or given.get("taskOutputParameter")):
                yield f"{task.dag}/{task.name}: is cached, but receives no fingerprint of the cohort"


def secret_values(ir: IR) -> Iterator[str]:
    """Specs are stored and shown in the open: secrets are named, never written."""
    for task, container in ir.container_tasks():
        for variable in container.get("env", []):
            if _SECRET_NAME.search(variable["name"]) and variable.get("value"):
                yield f"{task.dag}/{task.name}: {variable['name']} has its value in the spec"
    for name in ir.parameters(ROOT):
        if _SECRET_NAME.search(name):
            yield f"root: parameter {name!r} asks for a secret's value; ask for the name of a Secret"


def undescribed_parameters(ir: IR) -> Iterator[str]:
    """Every parameter of the run form has a description."""
    for name, spec in ir.parameters(ROOT).items():
        if not spec.get("description"):
            yield f"root: parameter {name!r} has no description"


LINTS: tuple[Callable[[IR], Iterator[str]], ...] = (
    undeclared_channels,
    numeric_resources,
    missing_limits,
    unplaced_gpu_tasks,
    run_time_installs,
    large_specs,
    floating_images,
    wrong_caching,
    secret_values,
    undescribed_parameters,
    mistyped_inputs,
    untyped_loops,
)


def lint(ir: IR) -> list[str]:
    """Apply every rule to a compiled pipeline.

    Args:
        ir: Compiled pipeline.

    Returns:
        One line for each breach, `rule: where: finding`; empty for a clean pipeline.
    """
    return [f"{rule.__name__}: {finding}" for rule in LINTS for finding in rule(ir)]
