"""Parameters of a run, checked against what the compiled pipeline declares, before anything is sent."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from cardioscar.errors import ConfigError, InputError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TYPES = {
    "STRING": "text",
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": "a list",
    "STRUCT": "a mapping",
}


@dataclass(frozen=True)
class PipelinePackage:
    """A compiled pipeline: what it is called, and what it takes."""

    spec: dict[str, Any]
    """First document of the compiled YAML."""
    platform: dict[str, Any]
    """Second document: what only Kubernetes understands; empty where there is none."""
    where: str
    """Name for messages: of the file, or of pipeline and version."""

    @classmethod
    def read(cls, path: Path) -> PipelinePackage:
        """Read compiled YAML.

        Raises:
            InputError: If there is no such file, or it is no compiled pipeline.
        """
        rule = "a pipeline compiled for Kubeflow Pipelines 2 (YAML)"
        if not path.is_file():
            raise InputError(path.name, rule, "no such file")
        try:
            documents = list(yaml.load_all(path.read_text(encoding="utf-8"), _LOADER))
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            raise InputError(path.name, rule, type(error).__name__) from None
        if not 1 <= len(documents) <= 2 or not all(isinstance(one, dict) for one in documents):
            raise InputError(path.name, rule, f"{len(documents)} documents")
        return cls.of(documents[0], documents[1] if len(documents) > 1 else {}, where=path.name)

    @classmethod
    def of(cls, spec: Any, platform: Any = None, *, where: str) -> PipelinePackage:
        """Take a spec as the server hands it out: bare, or together with its platform's.

        Raises:
            InputError: If it is not the spec of a pipeline.
        """
        if isinstance(spec, dict) and "pipeline_spec" in spec:
            spec, platform = spec["pipeline_spec"], spec.get("platform_spec")
        if not isinstance(spec, dict) or not isinstance(spec.get("root"), dict) or "pipelineInfo" not in spec:
            raise InputError(where, "a pipeline compiled for Kubeflow Pipelines 2 (YAML)", "something else")
        return cls(spec, platform or {}, where)

    @property
    def name(self) -> str:
        """Name that the pipeline was compiled with."""
        return str(self.spec["pipelineInfo"]["name"])

    @property
    def description(self) -> str:
        """One line about the pipeline; may be empty."""
        return str(self.spec["pipelineInfo"].get("description", ""))

    @property
    def content(self) -> dict[str, Any]:
        """What the server stores and compares."""
        return {"pipeline_spec": self.spec, "platform_spec": self.platform} if self.platform else self.spec

    @property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """Declared parameters by name."""
        return dict(self.spec["root"].get("inputDefinitions", {}).get("parameters", {}))

    def constant(self, task: str, name: str) -> Any:
        """Value of a task's input that was fixed when the pipeline was compiled; None where there is no such one."""
        tasks = self.spec["root"].get("dag", {}).get("tasks", {})
        inputs = tasks.get(task, {}).get("inputs", {}).get("parameters", {})
        return inputs.get(name, {}).get("runtimeValue", {}).get("constant")

    def declared(self, name: str, where: str) -> dict[str, Any]:
        """Declaration of one parameter.

        Raises:
            ConfigError: If there is none of this name; the message proposes the nearest.
        """
        inputs = self.inputs
        if name not in inputs:
            near = get_close_matches(name, inputs, n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise ConfigError(where, f"a parameter of {self.where}", f"unknown parameter '{name}'{hint}")
        return inputs[name]

    def parse(self, assignment: str) -> tuple[str, Any]:
        """Read `name=value`; the value is text for a text, and JSON for anything else.

        Raises:
            ConfigError: If it is of another form, names no parameter or is of the wrong type.
        """
        name, equals, text = assignment.partition("=")
        if not equals or not name:
            raise ConfigError("--set", "name=value", f"'{assignment[:40]}'")
        where = f"--set {name}"
        kind = self.declared(name, where).get("parameterType", "STRING")
        value: Any = text
        if kind != "STRING":
            try:
                value = json.loads(text.lower() if kind == "BOOLEAN" else text)
            except ValueError:
                raise ConfigError(where, _rule(kind, as_json=True), f"'{text[:40]}'") from None
        return name, self.checked(name, value, where)

    def checked(self, name: str, value: Any, where: str) -> Any:
        """One value, of the declared type and among the declared choices.

        Raises:
            ConfigError: If it is not.
        """
        declared = self.declared(name, where)
        kind = declared.get("parameterType", "STRING")
        if not _fits(kind, value):
            hint = " (put it in quotes)" if kind == "STRING" and isinstance(value, int | float) else ""
            raise ConfigError(where, _rule(kind), f"{str(value)[:40]!r}{hint}")
        choices = declared.get("literals", ())
        if choices and value not in choices:
            near = get_close_matches(str(value), map(str, choices), n=1)
            hint = f" (did you mean '{near[0]}'?)" if near else ""
            raise ConfigError(where, f"one of {', '.join(map(str, choices))}", f"'{str(value)[:40]}'{hint}")
        return value

    def complete(self, given: Mapping[str, Any]) -> None:
        """See that nothing that has no default is left out.

        Raises:
            ConfigError: If something is.
        """
        for name, declared in self.inputs.items():
            required = "defaultValue" not in declared and not declared.get("isOptional")
            if required and given.get(name) in (None, ""):
                raise ConfigError(name, f"a value: {self.where} has no default", "none")

    def effective(self, given: Mapping[str, Any], name: str) -> Any:
        """Value that a run will see: the given one, or the default."""
        return given.get(name, self.inputs.get(name, {}).get("defaultValue"))


def read_options(path: Path, package: PipelinePackage) -> dict[str, Any]:
    """Read a YAML file of parameters.

    Raises:
        InputError: If the file is missing or no YAML mapping.
        ConfigError: For an unknown parameter or a wrong value, by name.
    """
    if not path.is_file():
        raise InputError(path.name, "a file of parameters", "no such file")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise InputError(path.name, "YAML", type(error).__name__) from None
    if not isinstance(content, dict | None):
        raise InputError(path.name, "parameters and their values", type(content).__name__)
    return {
        str(name): package.checked(str(name), value, f"{path.name}: {name}") for name, value in (content or {}).items()
    }


def _rule(kind: str, *, as_json: bool = False) -> str:
    json_too = " as JSON" if as_json and kind in ("LIST", "STRUCT") else ""
    return _TYPES.get(kind, kind) + json_too


def _fits(kind: str, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    fits = {
        "STRING": isinstance(value, str),
        "NUMBER_INTEGER": number and isinstance(value, int),
        "NUMBER_DOUBLE": number,
        "BOOLEAN": isinstance(value, bool),
        "LIST": isinstance(value, list),
        "STRUCT": isinstance(value, dict),
    }
    return fits.get(kind, True)
