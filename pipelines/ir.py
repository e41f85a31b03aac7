"""Compiled pipelines: Kubeflow's intermediate representation as plain mappings, read, written and walked."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import yaml

ROOT = "root"
"""Name under which the outermost DAG is known here."""


@dataclasses.dataclass(frozen=True)
class Task:
    """One task of a DAG: where it stands, its task spec, and the name of the component it runs."""

    dag: str
    name: str
    spec: dict[str, Any]
    component: str


@dataclasses.dataclass(frozen=True)
class IR:
    """A compiled pipeline: the pipeline spec, and the settings that only Kubernetes understands."""

    pipeline: dict[str, Any]
    platform: dict[str, Any]

    @classmethod
    def parse(cls, text: str) -> "IR":
        """Read compiled YAML: one document, or two where the pipeline has Kubernetes settings."""
        documents = list(yaml.safe_load_all(text))
        return cls(documents[0], documents[1] if len(documents) > 1 else {})

    def dump(self, header: str = "") -> str:
        """Write YAML with sorted keys, so that equal pipelines give equal text."""
        documents = [self.pipeline] + ([self.platform] if self.platform else [])
        return header + yaml.safe_dump_all(documents, sort_keys=True, width=110, allow_unicode=True)

    def component(self, name: str) -> dict[str, Any]:
        """Spec of a component, or of the outermost DAG."""
        return self.pipeline["root"] if name == ROOT else self.pipeline["components"][name]

    def dags(self) -> Iterator[str]:
        """Names of the components that are DAGs, the outermost first."""
        yield ROOT
        yield from (name for name, spec in self.pipeline["components"].items() if "dag" in spec)

    def tasks(self) -> Iterator[Task]:
        """Every task of every DAG."""
        for dag in self.dags():
            for name, spec in self.component(dag)["dag"]["tasks"].items():
                yield Task(dag, name, spec, spec["componentRef"]["name"])

    def container_tasks(self) -> Iterator[tuple[Task, dict[str, Any]]]:
        """Every task that runs a container, with that container's spec."""
        executors = self.pipeline["deploymentSpec"]["executors"]
        for task in self.tasks():
            label = self.component(task.component).get("executorLabel")
            if label is not None:
                yield task, executors[label]["container"]

    def kubernetes(self, task: Task) -> dict[str, Any]:
        """Kubernetes settings of a task; empty where it has none."""
        label = self.component(task.component).get("executorLabel", "")
        platform = self.platform.get("platforms", {}).get("kubernetes", {})
        return dict(platform.get("deploymentSpec", {}).get("executors", {}).get(label, {}))

    def parameters(self, component: str) -> dict[str, dict[str, Any]]:
        """Input parameters that a component declares."""
        return dict(self.component(component).get("inputDefinitions", {}).get("parameters", {}))


def find(value: Any, key: str) -> Iterator[Any]:
    """Yield every value stored under `key`, at any depth.

    >>> list(find({"a": {"x": 1}, "b": [{"x": 2}]}, "x"))
    [1, 2]
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from find(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from find(inner, key)
