"""What is known about a component or pipeline besides its code: `metadata.yaml`, read by a closed schema."""

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import yaml

STABILITIES = ("alpha", "beta", "stable")

_KEYS: dict[str, type] = {
    "name": str,
    "stability": str,
    "dependencies": dict,
    "tags": list,
    "lastVerified": datetime.date,
    "owners": dict,
}
_DEPENDENCIES = ("kubeflow", "external")
_OWNERS = ("approvers", "reviewers")


@dataclasses.dataclass(frozen=True)
class Dependency:
    """A platform or service that must be there, with the versions that do (PEP 440 specifier)."""

    name: str
    version: str


@dataclasses.dataclass(frozen=True)
class Metadata:
    """Contents of one `metadata.yaml`."""

    name: str
    stability: str
    dependencies: dict[str, tuple[Dependency, ...]]
    tags: tuple[str, ...]
    last_verified: datetime.date
    owners: dict[str, tuple[str, ...]]


def load_metadata(path: Path) -> Metadata:
    """Read a `metadata.yaml`.

    Args:
        path: The file; its folder has the name of the component or pipeline.

    Returns:
        Its contents.

    Raises:
        ValueError: If a key is unknown, missing or of the wrong type; the message says where.
    """
    where = f"{path.parent.name}/{path.name}"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    _check_keys(values, _KEYS, where)
    for key, kind in _KEYS.items():
        _check(isinstance(values[key], kind), f"{where}: {key}", kind.__name__, values[key])
    _check(values["name"] == path.parent.name, f"{where}: name", path.parent.name, values["name"])
    _check(
        values["stability"] in STABILITIES,
        f"{where}: stability",
        " or ".join(STABILITIES),
        values["stability"],
    )
    _check_names(values["tags"], f"{where}: tags")
    _check("kubeflow" in values["dependencies"], f"{where}: dependencies", "the key kubeflow", "none")
    _check("approvers" in values["owners"], f"{where}: owners", "the key approvers", "none")
    for role, names in values["owners"].items():
        _check(role in _OWNERS, f"{where}: owners", " or ".join(_OWNERS), role)
        _check_names(names, f"{where}: owners.{role}")
    dependencies = {}
    for kind, entries in values["dependencies"].items():
        _check(kind in _DEPENDENCIES, f"{where}: dependencies", " or ".join(_DEPENDENCIES), kind)
        _check(isinstance(entries, list) and entries, f"{where}: dependencies.{kind}", "a list", entries)
        for entry in entries:
            _check_keys(entry, {"name": str, "version": str}, f"{where}: dependencies.{kind}")
        dependencies[kind] = tuple(Dependency(entry["name"], entry["version"]) for entry in entries)
    return Metadata(
        name=values["name"],
        stability=values["stability"],
        dependencies=dependencies,
        tags=tuple(values["tags"]),
        last_verified=values["lastVerified"],
        owners={role: tuple(names) for role, names in values["owners"].items()},
    )


def _check(condition: Any, where: str, rule: str, finding: Any) -> None:
    if not condition:
        raise ValueError(f"{where}: expected {rule}, found {finding!r}")


def _check_keys(values: Any, known: dict[str, type], where: str) -> None:
    _check(isinstance(values, dict), where, "a mapping", values)
    for key in values:
        _check(key in known, where, f"one of the keys {', '.join(known)}", key)
    for key in known:
        _check(key in values, where, f"the key {key}", ", ".join(map(str, values)))


def _check_names(values: Any, where: str) -> None:
    _check(isinstance(values, list) and values, where, "a list that is not empty", values)
    for value in values:
        _check(isinstance(value, str) and value, where, "text", value)
