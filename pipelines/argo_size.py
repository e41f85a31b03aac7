"""How large a run of a compiled pipeline is as an Argo workflow, whose JSON may have 1 MiB: pods, nodes, bytes.

Argo writes the spec as it is and the nodes compressed (gzip, base64). Both are laid out here as Kubeflow Pipelines 2.17
does, and the bytes calibrated on the one run that was measured: 2 shards of 1 and 2 subjects, stock manifests, Argo
4.0.5, 103 nodes, a spec of 105,105 bytes, nodes of 997,460 bytes that compressed to 126,282.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.argo_nodes import compact, workflow_nodes
from pipelines.ir import IR

COMPRESSED_FACTOR = 1.285
"""Measured bytes of the compressed nodes over those laid out here for the same pipeline and shards (98,312): what real
nodes hold besides, such as proxies, addresses, times and names, is not laid out."""

TEMPLATE_BYTES = 29_400
"""What the measured spec holds besides the texts that are laid out here: the templates themselves."""

_SUBJECTS, _ID = 8, "S{:07d}"
_MANY = 12
"""Shards of the runs between which the bytes of one shard are taken: the more nodes, the better they compress."""

_ARGUMENTS = {"cohort_uri": "s3://cardioscar-cohorts/trial-2026", "results_uri": "s3://cardioscar-results/trial-2026"}


@dataclasses.dataclass(frozen=True)
class ArgoSize:
    """Size of a run, as a part that every run has and one for each shard."""

    run_pods: int
    shard_pods: int
    run_nodes: int
    shard_nodes: int
    run_bytes: int
    shard_bytes: int
    """With ids of 8 subjects of 8 characters."""
    id_bytes: float
    """Bytes of the workflow for each byte of the list of ids beyond these."""


def argo_size(ir: IR) -> ArgoSize:
    """Measure a compiled pipeline.

    Args:
        ir: Compiled pipeline with one loop over the shards.

    Returns:
        Its size; bytes are rounded up to hundreds.
    """
    few, many = _shards(2), _shards(_MANY)
    longer = [[f"{name}{'x' * 8}" for name in shard] for shard in many]
    empty, small, large = (compressed_bytes(ir, shards) for shards in ([], few, many))
    a_shard = (large - small) / (_MANY - 2)
    more = (compressed_bytes(ir, longer) - large) / (_MANY * _SUBJECTS * 8)
    kinds = [counts(ir, shards) for shards in ([], few[:1])]
    return ArgoSize(
        run_pods=kinds[0].get("Pod", 0),
        shard_pods=kinds[1]["Pod"] - kinds[0].get("Pod", 0),
        run_nodes=sum(kinds[0].values()),
        shard_nodes=sum(kinds[1].values()) - sum(kinds[0].values()),
        run_bytes=_up(spec_bytes(ir) + max(empty, small - 2 * a_shard)),
        shard_bytes=_up(a_shard),
        id_bytes=round(more, 2),
    )


def counts(ir: IR, shards: Sequence[Sequence[str]]) -> dict[str, int]:
    """Number of nodes of each type."""
    found: dict[str, int] = {}
    for node in workflow_nodes(ir, shards, _ARGUMENTS).values():
        found[node["type"]] = found.get(node["type"], 0) + 1
    return found


def plain_bytes(ir: IR, shards: Sequence[Sequence[str]], arguments: Mapping[str, Any] = _ARGUMENTS) -> int:
    """Bytes of the nodes as they are laid out here, without calibration."""
    return len(_text(ir, shards, arguments))


def compressed_bytes(ir: IR, shards: Sequence[Sequence[str]], arguments: Mapping[str, Any] = _ARGUMENTS) -> float:
    """Bytes of the compressed nodes, calibrated."""
    return COMPRESSED_FACTOR * len(base64.b64encode(gzip.compress(_text(ir, shards, arguments), 6, mtime=0)))


def spec_bytes(ir: IR) -> int:
    """Bytes of the workflow's spec, calibrated: it holds every component, executor and setting once as a text, and
    every task in the text of its DAG and as an argument of its driver."""
    texts = [compact(component) for component in ir.pipeline["components"].values()]
    texts += [compact(ir.pipeline["root"])]
    texts += [compact(executor["container"]) for executor in ir.pipeline["deploymentSpec"]["executors"].values()]
    texts += [compact(ir.kubernetes(task)) for task, _ in ir.container_tasks()]
    texts += [compact(task.spec) for task in ir.tasks()]
    return TEMPLATE_BYTES + len(compact(texts).encode())


def _text(ir: IR, shards: Sequence[Sequence[str]], arguments: Mapping[str, Any]) -> bytes:
    return compact(dict(sorted(workflow_nodes(ir, shards, arguments).items()))).encode()


def _shards(count: int) -> list[list[str]]:
    return [[_ID.format(shard * _SUBJECTS + one) for one in range(_SUBJECTS)] for shard in range(count)]


def _up(value: float) -> int:
    return -(-int(value + 0.5) // 100) * 100
