"""The chart as Helm renders it, for the tests of this folder."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart

CHART = Path(__file__).resolve().parents[2] / "charts" / "cardioscar"
SCENARIOS = {path.name.removesuffix("-values.yaml"): path for path in sorted(CHART.glob("ci/*-values.yaml"))}
NAMESPACE = "kubeflow"


@cache
def chart() -> Chart:
    """The chart, read once."""
    return Chart.load(CHART)


def values(scenario: str) -> dict:
    """Values of a scenario of the chart's `ci` folder."""
    return yaml.safe_load(SCENARIOS[scenario].read_text(encoding="utf-8"))


def merged(base: Mapping, change: Mapping) -> dict:
    """Values with a change laid over them."""
    result = copy.deepcopy(dict(base))
    for key, value in change.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def nested(path: str, value: Any) -> dict:
    """Values with one key, named by its dotted path."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def texts(given: Mapping | None = None, name: str = "cs", **options: Any) -> dict[str, str]:
    """Every rendered file by its path below `templates`."""
    rendered = chart().render(dict(given or {}), name=name, namespace=NAMESPACE, **options)
    return {path.partition("/templates/")[2]: text for path, text in rendered.items()}


@cache
def _parsed(given: str, name: str) -> list[dict]:
    return [
        document
        for path, text in sorted(texts(json.loads(given), name).items())
        if path != "NOTES.txt"
        for document in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if document
    ]


def resources(given: Mapping | None = None, name: str = "cs") -> list[dict]:
    """Every rendered resource."""
    return copy.deepcopy(_parsed(json.dumps(given or {}, sort_keys=True), name))


def of_kind(kind: str, given: Mapping | None = None) -> list[dict]:
    """The rendered resources of one kind."""
    return [resource for resource in resources(given) if resource["kind"] == kind]


def component(resource: dict) -> str:
    """What a resource belongs to, by its label."""
    return resource["metadata"]["labels"]["app.kubernetes.io/component"]


def pods(rendered: list[dict]) -> Iterator[tuple[str, dict, dict]]:
    """Component, metadata and spec of each pod that the resources make."""
    for resource in rendered:
        if resource["kind"] == "Pod":
            yield component(resource), resource["metadata"], resource["spec"]
        elif "template" in resource.get("spec", {}):
            template = resource["spec"]["template"]
            yield component(resource), template["metadata"], template["spec"]


def containers(spec: dict) -> list[dict]:
    """Every container of a pod."""
    return [*spec.get("initContainers", []), *spec["containers"]]


def container(name: str, given: Mapping | None = None) -> dict:
    """The rendered container of a name."""
    (found,) = [c for _, _, spec in pods(resources(given)) for c in containers(spec) if c["name"] == name]
    return found


def environment(given: dict, secrets: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """The variables of a container as the kubelet sets them."""
    found = {}
    for variable in given["env"]:
        if "value" in variable:
            found[variable["name"]] = variable["value"]
        else:
            reference = variable["valueFrom"]["secretKeyRef"]
            found[variable["name"]] = secrets[reference["name"], reference["key"]]
    return found


def command(given: dict, **replacements: str) -> list[str]:
    """Command line of a container whose command is Python's, with arguments replaced by their flag."""
    assert given["command"] == ["python", "-c"]
    line = [sys.executable, "-W", "ignore", "-c"]
    for argument in given["args"]:
        flag = re.match(r"--([a-z-]+)=", argument)
        known = flag and replacements.get(flag[1].replace("-", "_"))
        line.append(f"--{flag[1]}={known}" if flag and known else argument)
    return line


def process_environment(folder: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Environment of a container's process on this machine: nothing of ours but where programs are."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {"PATH": path, "TMPDIR": str(folder), **given, "HOME": str(folder), "OMP_NUM_THREADS": "1"}


def run(given: dict, secrets: Mapping[tuple[str, str], str], folder: Path, **changes: str):
    """Run a container's command on this machine, to its end."""
    variables = process_environment(folder, environment(given, secrets) | changes)
    return subprocess.run(command(given), env=variables, capture_output=True, text=True, timeout=120, check=False)
