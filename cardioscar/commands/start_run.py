"""One run on Kubeflow from the command line: start it, say where it is, wait for its verdict."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cardioscar.commands.terminal import Terminal

if TYPE_CHECKING:
    from cardioscar.services.kubeflow.client import KubeflowApi
    from cardioscar.services.kubeflow.pipelines import Source


class Said:
    """What is said of runs: as they start and end, or as one document when all is said.

    Args:
        terminal: Where to.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._runs: list[dict[str, Any]] = []

    def __enter__(self) -> Said:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal.json and self._runs:
            self._terminal.answer({"runs": self._runs})

    def started(self, facts: dict[str, Any], text: str) -> None:
        """A run was started, or found."""
        self._runs.append(facts)
        if not self._terminal.json:
            self._terminal.answer(facts, text)

    def accepted(self) -> None:
        """The last run was accepted."""
        self._runs[-1]["verdict"] = "accepted"
        if not self._terminal.json:
            self._terminal.answer(None, "verdict   accepted")


def start(api: KubeflowApi, source: Source, given: Mapping[str, Any], name: str, experiment: str, said: Said) -> str:
    """Start a run, or find it again by its name, and say where it is; returns its id."""
    from cardioscar.services.kubeflow.runs import submit

    run, started = submit(api, source, given, run_name=name, experiment=experiment)
    link = api.target.link(f"runs/details/{run.run_id}")
    said.started(
        {"run": str(run.run_id), "name": name, "new": started, "pipeline": source.label, "link": link},
        f"run       {run.run_id}\nname      {name}{'' if started else ' (there already)'}\npipeline  {source.label}\n"
        f"link      {link}",
    )
    return str(run.run_id)


def await_verdict(api: KubeflowApi, run_id: str, timeout_s: float, said: Said) -> None:
    """Wait for the end of a run, and say that it was accepted.

    Raises:
        RunFailedError: If it was not.
    """
    from cardioscar.services.kubeflow.runs import wait

    wait(api, run_id, timeout_s, on_state=note)
    said.accepted()


def note(text: str) -> None:
    """Say something that is no result."""
    sys.stderr.write(f"cardioscar: {text}\n")
