"""How many pods and Argo workflow nodes a compiled pipeline makes, as Kubeflow's Argo compiler lays it out.

A DAG is a driver pod and a group node. A container task is a driver pod, a group node, the executor pod, and
a retry node where it may be retried. A loop is a group, a driver pod and a group of iterations; an iteration
is a group around what the looped component itself makes.
"""

import dataclasses

from pipelines.ir import IR, ROOT


@dataclasses.dataclass(frozen=True)
class ArgoSize:
    """Pods of a run, and all nodes of its workflow, pods included."""

    pods: int
    nodes: int

    def __add__(self, other: "ArgoSize") -> "ArgoSize":
        return ArgoSize(self.pods + other.pods, self.nodes + other.nodes)

    def __mul__(self, count: int) -> "ArgoSize":
        return ArgoSize(self.pods * count, self.nodes * count)


_POD = ArgoSize(1, 1)
_GROUP = ArgoSize(0, 1)


def argo_size(ir: IR, iterations: int) -> ArgoSize:
    """Measure a run in which every loop runs `iterations` times.

    Args:
        ir: Compiled pipeline.
        iterations: Iterations of each loop.

    Returns:
        Pods and nodes; the entry point counts as a group.
    """
    return _GROUP + _component(ir, ROOT, retry=False, iterations=iterations)


def _component(ir: IR, name: str, *, retry: bool, iterations: int) -> ArgoSize:
    if "dag" not in ir.component(name):
        return _POD + _GROUP + _POD + (_GROUP if retry else ArgoSize(0, 0))
    size = _POD + _GROUP
    for task in ir.tasks():
        if task.dag == name:
            body = _component(ir, task.component, retry="retryPolicy" in task.spec, iterations=iterations)
            looped = "parameterIterator" in task.spec
            size += _GROUP + _POD + _GROUP + (_GROUP + body) * iterations if looped else body
    return size
