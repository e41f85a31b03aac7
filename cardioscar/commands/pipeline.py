"""`cardioscar pipeline upload|list`: compiled pipelines on Kubeflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from cardioscar.commands.actions import chosen, first_line
from cardioscar.commands.kubeflow_options import KubeflowOptions
from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal
from cardioscar.errors import ConfigError

Access = Annotated[KubeflowOptions, tyro.conf.arg(name="")]


@dataclass(frozen=True)
class Upload:
    """Upload compiled pipelines under one version. Asked again it changes nothing; other content is refused."""

    files: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="FILES")]
    """Compiled YAML files."""
    version: str
    """Name of the version, such as 0.1.0."""
    access: Access = field(default_factory=KubeflowOptions)
    """Kubeflow Pipelines, and access to it."""
    timeout: float = 300.0
    """Seconds to wait for a Kubeflow that is just starting."""
    terminal: OnTerminal = TERMINAL


@dataclass(frozen=True)
class List:
    """List uploaded pipelines and their versions, the newest first."""

    access: Access = field(default_factory=KubeflowOptions)
    """Kubeflow Pipelines, and access to it."""
    terminal: OnTerminal = TERMINAL


ACTIONS = {"upload": Upload, "list": List}


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar pipeline` and do it."""
    action = chosen(command, words, {name: first_line(form) for name, form in ACTIONS.items()})
    if not action:
        return 0
    form: Any = parsed(ACTIONS[action], f"cardioscar {command} {action}", words[1:])
    return _upload(form) if isinstance(form, Upload) else _list(form)


def _upload(form: Upload) -> int:
    from cardioscar.services.kubeflow.parameters import PipelinePackage
    from cardioscar.services.kubeflow.pipelines import ensure_version

    if not form.files:
        raise ConfigError("files", "compiled pipelines", "none")
    if not form.version.strip():
        raise ConfigError("--version", "a name", "nothing")
    for file in form.files:  # all of them are read before the first is sent
        PipelinePackage.read(file)
    api = form.access.connect()
    api.wait_until_up(form.timeout)
    api.multi_user()
    made: list[dict[str, str]] = []
    for file in form.files:
        name, done = ensure_version(api, file, form.version)
        made.append({"pipeline": name, "version": form.version, "state": done})
        if not form.terminal.json:
            form.terminal.answer(made[-1], f"{name} {form.version}: {done}")
    if form.terminal.json:
        form.terminal.answer(made)
    return 0


def _list(form: List) -> int:
    from cardioscar.services.kubeflow.pipelines import list_pipelines

    api = form.access.connect()
    api.multi_user()
    found = list(list_pipelines(api))
    lines = [f"{one.name}  {', '.join(one.versions) or 'no version'}" for one in found]
    form.terminal.answer(
        [{"pipeline": one.name, "versions": list(one.versions)} for one in found],
        "\n".join(lines) or "no pipeline is uploaded",
    )
    return 0
