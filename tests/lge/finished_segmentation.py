"""A small cohort that was segmented; tests work on copies of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from cardioscar.shard.status import Status
from cardioscar.stages.lge.workflow import SEGMENT
from tests.finished_run import SUBJECTS, Run
from tests.lge.tiny_network import write_subject


@dataclass(frozen=True)
class SegmentRun(Run):
    """A cohort and the output of a segmentation."""

    network: Path = Path()

    @property
    def options(self) -> dict[str, Any]:
        return {"network": str(self.network), "views": 2, "figures": False, "device": "cpu", "intervals": {"draws": 20}}

    def copy(self, out: Path, *, before: str | None = None) -> SegmentRun:
        """Copy cohort and output into a folder; with `before` as if the stage had never begun."""
        shutil.copytree(self.cohort, out / "cohort")
        if before is None:
            shutil.copytree(self.out, out / "run")
        return replace(self, cohort=out / "cohort", out=out / "run")

    def stage(
        self,
        stage: str,
        subjects: Sequence[str] = SUBJECTS[:2],
        *,
        output: Path | None = None,
        options: dict[str, Any] | None = None,
        on_done: Callable[[Status, bool], None] | None = None,
    ) -> list[Status]:
        """Run the stage over subjects."""
        return SEGMENT[stage].run(
            {"cohort": str(self.cohort)},
            list(subjects),
            str(output or self.artifact(stage)),
            self.options | (options or {}),
            on_done=on_done,
        )


def make_segment_run(folder: Path, network: Path) -> SegmentRun:
    """Make the cohort, with labels of the first subject, and segment it."""
    torch.set_num_threads(1)
    for number, subject in enumerate(SUBJECTS):
        write_subject(folder / "cohort" / subject, seed=number + 1, labels=number == 0)
    run = SegmentRun(folder / "cohort", folder / "run", network)
    run.stage("segment", SUBJECTS)
    return run
