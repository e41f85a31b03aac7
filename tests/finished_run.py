"""A small cohort taken through all stages once a session; tests work on copies of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from cardioscar.phantom.cohort import write_cohort
from cardioscar.phantom.config import PhantomConfig
from cardioscar.shard.status import Status
from cardioscar.stages.recording import UNPUBLISHED, Recording
from cardioscar.stages.run.cohort import run_cohort
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.workflow import Workflow

SUBJECTS = ("P001", "P002", "P003")
OPTIONS: dict[str, dict[str, Any]] = {
    "preprocess": {"holdout": "odd"},
    "group_sort": {},
    "train": {"steps": 40, "checkpoint_seconds": 0.0, "device": "cpu"},
    "infer": {"samples": 3, "device": "cpu"},
    "evaluate": {"figures": False},
}
"""Settings that keep every stage to a fraction of a second; a checkpoint is written after every epoch."""

FLAGS = (
    "--holdout=odd", "--steps=40", "--checkpoint-seconds=0", "--samples=3", "--device=cpu", "--no-figures",
)  # fmt: skip
"""The same settings as words of the command line."""

INPUTS = {
    stage.name: tuple("cohort" if name == "cohort" else RECONSTRUCT.writer(name).name for name in stage.reads)
    for stage in RECONSTRUCT
}
"""What each stage reads: the cohort, or what another stage wrote."""


@dataclass(frozen=True)
class Run:
    """A cohort and the output of a run over it."""

    cohort: Path
    out: Path
    workflow: Workflow = RECONSTRUCT
    options: dict[str, dict[str, Any]] = field(default_factory=lambda: OPTIONS)

    def artifact(self, stage: str) -> Path:
        return self.out / "work" / stage

    def folder(self, stage: str, subject: str = "P001") -> Path:
        return self.artifact(stage) / subject

    def result(self, subject: str = "P001") -> Path:
        return self.out / "results" / subject

    def copy(self, out: Path, *, before: str | None = None) -> Run:
        """Copy cohort and output into a folder; with `before` as if that stage had never begun."""
        shutil.copytree(self.cohort, out / "cohort")
        names = self.workflow.names
        done = names[: names.index(before)] if before else names
        for stage in done:
            shutil.copytree(self.artifact(stage), out / "run" / "work" / stage)
        if before is None:
            shutil.copytree(self.out / "results", out / "run" / "results")
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
        """Run one stage over subjects, on the artifacts of the stages before it."""
        places = {name: str(place) for name, place in self.workflow.places(self.cohort, self.out / "work").items()}
        return self.workflow[stage].run(
            places,
            list(subjects),
            str(output or self.artifact(stage)),
            self.options[stage] | (options or {}),
            on_done=on_done,
        )

    def again(self, subjects: str = "", *, recording: Recording = UNPUBLISHED, **settings: Any) -> Any:
        """Run the whole cohort, in this process unless told otherwise."""
        settings = {"jobs": 1, "recording": recording} | settings
        return run_cohort(self.workflow, self.cohort, self.out, self.options, subjects=subjects, **settings)


def make_run(folder: Path) -> Run:
    """Make the cohort and run it."""
    # several threads that wait for one another make such small fits slower, on a busy machine by far
    torch.set_num_threads(1)
    config = PhantomConfig(
        subjects=len(SUBJECTS), nodes=1_500, scar="smooth", pixel_mm=(2.0, 2.0), thickness_mm=(8.0, 8.0),
        spacing_mm=(9.0, 9.0), seed=5,
    )  # fmt: skip
    write_cohort(folder / "cohort", config)
    run = Run(folder / "cohort", folder / "run")
    run.again()
    return run


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too, by its path in it."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def hidden(folder: Path) -> list[str]:
    """Names of hidden files and folders: what only an unfinished run may leave."""
    return sorted(p.name for p in folder.rglob(".*"))
