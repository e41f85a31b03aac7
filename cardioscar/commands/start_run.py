"""One run on Kubeflow from the command line: start it, say where it is, wait for its verdict."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cardioscar.services.kubeflow.client import KubeflowApi
    from cardioscar.services.kubeflow.pipelines import Source


def start(api: KubeflowApi, source: Source, given: Mapping[str, Any], name: str, experiment: str) -> str:
    """Start a run, or find it again by its name, and print where it is; returns its id."""
    from cardioscar.services.kubeflow.runs import submit

    run, started = submit(api, source, given, run_name=name, experiment=experiment)
    sys.stdout.write(
        f"run       {run.run_id}\nname      {name}{'' if started else ' (there already)'}\npipeline  {source.label}\n"
        f"link      {api.target.link(f'runs/details/{run.run_id}')}\n"
    )
    sys.stdout.flush()
    return str(run.run_id)


def await_verdict(api: KubeflowApi, run_id: str, timeout_s: float) -> None:
    """Wait for the end of a run, and print that it was accepted.

    Raises:
        RunFailedError: If it was not.
    """
    from cardioscar.services.kubeflow.runs import wait

    wait(api, run_id, timeout_s, on_state=note)
    sys.stdout.write("verdict   accepted\n")


def note(text: str) -> None:
    """Say something that is no result."""
    sys.stderr.write(f"cardioscar: {text}\n")
