"""A cohort in several runs: a run for each part, and one summary that takes the verdict on all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cardioscar.commands.start_run import Said, await_verdict, note, start
from cardioscar.commands.terminal import Terminal
from cardioscar.errors import counted

if TYPE_CHECKING:
    from cardioscar.services.kubeflow.client import KubeflowApi
    from cardioscar.services.kubeflow.pipelines import Source


@dataclass(frozen=True)
class Planned:
    """A run that is to be started."""

    name: str
    source: Source
    parameters: Mapping[str, Any]


def plan(
    source: Source, summary: Source, given: Mapping[str, Any], parts: Sequence[Sequence[str]], name: str
) -> tuple[list[Planned], Planned]:
    """The runs of the parts, and that of the summary.

    A part does not judge: its largest failed fraction is 1, and the summary's is the one that was asked for.
    """
    from cardioscar.stages.run_parts import subjects_argument

    runs = []
    for number, part in enumerate(parts, start=1):
        own = {"subjects": subjects_argument(part), "max_failed_fraction": 1.0}
        runs.append(Planned(f"{name}, part {number} of {len(parts)}", source, {**given, **own}))
    asked = {key: value for key, value in given.items() if key in summary.package.inputs}
    if (family := source.package.constant("list-subjects", "family")) and "family" in summary.package.inputs:
        asked["family"] = family
    for key in ("task_image", "max_failed_fraction"):
        asked.setdefault(key, source.package.effective(dict(given), key))
    return runs, Planned(f"{name}, summary", summary, asked)


def show(runs: Sequence[Planned], summary: Planned, terminal: Terminal) -> None:
    """Print what would be started."""
    found = [{"run": one.name, "pipeline": one.source.label, "parameters": one.parameters} for one in (*runs, summary)]
    terminal.answer({"runs": found})


def start_all(
    api: KubeflowApi, runs: Sequence[Planned], summary: Planned, experiment: str, timeout_s: float | None, said: Said
) -> None:
    """Start the runs; where the end is waited for, one after the other, and then the summary.

    Args:
        api: Connection.
        runs: Those of the parts.
        summary: The last one.
        experiment: Kubeflow experiment.
        timeout_s: Time for all of them in seconds; None starts the parts at once, and leaves the summary to the user.
        said: Is told of them.

    Raises:
        RunFailedError: If the summary rejects the cohort, or a part did not finish; the others, and the summary, go on.
        UnreachableError: If the time is over, or Kubeflow does not answer.
    """
    from cardioscar.services.kubeflow.runs import RunFailedError

    note(f"{counted(len(runs), 'run')}, each below the limit of a workflow, and a summary")
    if timeout_s is None:
        for one in runs:
            start(api, one.source, one.parameters, one.name, experiment, said)
        note("no verdict is taken yet: when all have ended, submit the same with --wait and the same --run-name")
        return
    end, failed = time.monotonic() + timeout_s, []
    for one in (*runs, summary):
        run_id = start(api, one.source, one.parameters, one.name, experiment, said)
        try:
            await_verdict(api, run_id, max(0.0, end - time.monotonic()), said)
        except RunFailedError as error:
            if one is summary:
                raise
            note(str(error))
            failed.append(one.name)
    if failed:
        raise RunFailedError(f"{counted(len(failed), 'part')} of {len(runs)} did not finish: {'; '.join(failed[:5])}")
