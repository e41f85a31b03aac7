"""The nodes of a run's Argo workflow with what Kubeflow Pipelines 2.17 writes into them, without a cluster.

The stock workflow controller retries every template, so that a pod and a group of tasks are two nodes each, of equal
content. A DAG is a driver pod and a group. A container task is a driver pod, a group and the executor pod; its driver
answers with a patch of the executor's pod, which then is an input of the group and of the executor: six copies in all.
A loop is a driver pod, a group and a list of its iterations; an iteration is a group, a driver pod and a group around
what is looped.

Times, ids and names are made up, as long as real ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.argo_patch import RUN_ID, pod_spec_patch, resolved
from pipelines.ir import IR, ROOT, Task

Nodes = dict[str, dict[str, Any]]

_WORKFLOW = "reconstruct-cohort-x7k2p"
_RETRY = {
    "retry-max-count": "2", "retry-backoff-duration": "10", "retry-backoff-factor": "3",
    "retry-backoff-max-duration": "3600",
}  # fmt: skip


def compact(value: Any) -> str:
    """JSON as Go writes it, but for its escapes."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def workflow_nodes(ir: IR, shards: Sequence[Sequence[str]], arguments: Mapping[str, Any]) -> Nodes:
    """Lay out a run that succeeded.

    Args:
        ir: Compiled pipeline, all of whose loops go over the same shards.
        shards: Ids of the subjects of each iteration.
        arguments: Parameters of the run; defaults stand for those that are missing.

    Returns:
        Nodes by their ids, as in the workflow's status.
    """
    values = {name: arguments.get(name, spec.get("defaultValue", "")) for name, spec in ir.parameters(ROOT).items()}
    layout = _Layout(ir, shards)
    top = f"{_WORKFLOW}(0)"
    layout.add(_WORKFLOW, "DAG", "entrypoint", "", children=[f"{top}.root-driver"])
    layout.dag_driver(f"{top}.root-driver", top, ROOT, "", runtime=compact({"parameterValues": values}))
    layout.dag(f"{top}.root", top, ROOT, values, -1)
    return layout.nodes


class _Layout:
    def __init__(self, ir: IR, shards: Sequence[Sequence[str]]) -> None:
        self.nodes: Nodes = {}
        self._ir, self._shards, self._seconds = ir, shards, 0

    def dag(self, name: str, boundary: str, component: str, values: Mapping[str, Any], iteration: int) -> None:
        tasks = [task for task in self._ir.tasks() if task.dag == component]
        me = f"{name}(0)"
        given = {"parent-dag-id": "1234", "condition": "nil"}
        self.add(name, "DAG", component, boundary, given, children=[f"{me}.{tasks[0].name}-driver"])
        for task in tasks:
            if "dag" not in self._ir.component(task.component):
                self._container(task, me, values, iteration)
            elif "parameterIterator" in task.spec:
                self._loop(task, me, values)
            else:
                self.dag_driver(f"{me}.{task.name}-driver", me, task.component, compact(task.spec))
                self.dag(f"{me}.{task.name}", me, task.component, resolved(task, values), iteration)

    def dag_driver(
        self, name: str, boundary: str, component: str, task: str, *, runtime: str = "", iteration: int = -1
    ) -> None:
        given = {
            "component": compact(self._ir.component(component)), "runtime-config": runtime, "task": task,
            "task-name": "", "parent-dag-id": "1234", "iteration-index": str(iteration),
            "driver-type": "ROOT_DAG" if runtime else "DAG",
        }  # fmt: skip
        answers = {"execution-id": "1234", "iteration-count": "0", "condition": "nil"}
        self.add(name, "Pod", "system-dag-driver", boundary, given, answers)

    def _loop(self, task: Task, boundary: str, values: Mapping[str, Any]) -> None:
        name, item = f"{boundary}.{task.name}", task.spec["parameterIterator"]["itemInput"]
        spec, me = compact(task.spec), f"{boundary}.{task.name}(0)"
        self.dag_driver(f"{name}-driver", boundary, task.component, spec)
        self.add(
            name, "DAG", f"{task.component}-iterator", boundary, {"parent-dag-id": "1234"}, children=[f"{me}.items"]
        )
        rounds = [f"{me}.items({number}:{number})" for number in range(len(self._shards))]
        self._one(f"{me}.items", "TaskGroup", "", me, {}, {}, rounds)
        for number, shard in enumerate(self._shards):
            one = f"{rounds[number]}(0)"
            given = {"parent-dag-id": "1234", "iteration-index": str(number)}
            first = f"{one}.iteration-item-driver"
            self.add(rounds[number], "DAG", f"{task.component}-iteration", me, given, children=[first])
            self.dag_driver(first, one, task.component, spec, iteration=number)
            inner = {**resolved(task, values), item: list(shard)}
            self.dag(f"{one}.iteration-item", one, task.component, inner, number)

    def _container(self, task: Task, boundary: str, values: Mapping[str, Any], iteration: int) -> None:
        component = self._ir.component(task.component)
        container = self._ir.pipeline["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        settings = self._ir.kubernetes(task)
        patch = compact(pod_spec_patch(self._ir, task, values, str(iteration)))
        given = {
            "component": compact(component), "task": compact(task.spec), "container": compact(container),
            "task-name": task.name, "parent-dag-id": "1234", "iteration-index": "-1",
            "kubernetes-config": compact(settings) if settings else "",
        }  # fmt: skip
        name = f"{boundary}.{task.name}"
        answers = {"pod-spec-patch": patch, "cached-decision": "false", "condition": "nil"}
        self.add(f"{name}-driver", "Pod", "system-container-driver", boundary, given, answers, children=[name])
        retry, prefix = (_RETRY, "retry-") if "retryPolicy" in task.spec else ({}, "")
        given = {"pod-spec-patch": patch, "cached-decision": "false", **retry}
        inner = f"{name}(0).executor"
        self.add(name, "DAG", f"{prefix}system-container-executor", boundary, given, children=[inner])
        given = {"pod-spec-patch": patch, **retry}
        self.add(inner, "Pod", f"{prefix}system-container-impl", f"{name}(0)", given, {})

    def add(
        self,
        name: str,
        kind: str,
        template: str,
        boundary: str,
        inputs: Mapping[str, str] | None = None,
        outputs: Mapping[str, str] | None = None,
        children: Sequence[str] = (),
    ) -> None:
        """A node, and the retry node around it."""
        self._one(name, "Retry", template, boundary, inputs, outputs, [f"{name}(0)"])
        self._one(f"{name}(0)", kind, template, boundary, inputs, outputs, children)

    def _one(
        self,
        name: str,
        kind: str,
        template: str,
        boundary: str,
        inputs: Mapping[str, str] | None,
        outputs: Mapping[str, str] | None,
        children: Sequence[str],
    ) -> None:
        self._seconds += 7
        node: dict[str, Any] = {
            "id": _id(name), "name": name, "displayName": name.rpartition(".")[2], "type": kind,
            "templateName": template, "templateScope": f"local/{_WORKFLOW}", "phase": "Succeeded",
            "startedAt": _time(self._seconds), "finishedAt": _time(self._seconds + 10), "progress": "1/1",
            "resourcesDuration": {"cpu": 0, "memory": 3},
        }  # fmt: skip
        if boundary:
            node["boundaryID"] = _id(boundary)
        if name.endswith("(0)"):
            node["nodeFlag"] = {"retried": True}
        if inputs:
            node["inputs"] = {"parameters": [{"name": key, "value": value} for key, value in inputs.items()]}
        if outputs is not None and kind != "TaskGroup":
            answers = [
                {"name": key, "value": value, "valueFrom": {"path": f"/tmp/outputs/{key}", "default": ""}}  # noqa: S108
                for key, value in outputs.items()
            ]
            node["outputs"] = {**({"parameters": answers} if answers else {}), "exitCode": "0"}
        if children:
            node["children"] = [_id(child) for child in children]
        if kind == "DAG":
            node["outboundNodes"] = [_id(child) for child in children[-1:]]
        if kind == "Pod":
            node["hostNodeName"] = "node-1.example.org"
        self.nodes[node["id"]] = node


def _id(name: str) -> str:
    """Argo's id: the order of the nodes in the status, and so how well they compress, follows from it."""
    value = 2166136261
    for byte in name.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return f"{_WORKFLOW}-{value}"


def _time(seconds: int) -> str:
    return f"2026-01-01T{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}Z"


def unique(text: str) -> str:
    """A UUID that a text always gets, for what a run numbers at random."""
    digits = hashlib.sha256(text.encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


__all__ = ["RUN_ID", "Nodes", "compact", "unique", "workflow_nodes"]
