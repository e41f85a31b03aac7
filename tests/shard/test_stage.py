"""What is told once of a stage is what command line, local runs and components take from it."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from cardioscar.cli import COMMANDS
from cardioscar.errors import ConfigError
from cardioscar.shard.stage import COHORT, Stage
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from cardioscar.workflow import Workflow


def stage(name: str, reads: tuple[str, ...], writes: str, *, publishes: bool = False) -> Stage:
    return Stage(name, f"cardioscar.stages.scar3d.{name}", "Do.", "does", reads, writes, publishes=publishes)


def test_a_stage_reads_what_an_earlier_one_writes() -> None:
    first, second = stage("first", (COHORT,), "one"), stage("second", ("one", COHORT), "two", publishes=True)
    flow = Workflow("both", "Do both.", SCAR3D_LAYOUT, (first, second), "")
    assert flow.names == ("first", "second")
    assert (flow["second"], flow.writer("one")) == (second, first)
    assert flow.places("cohort", Path("work")) == {
        COHORT: "cohort",
        "one": Path("work/first"),
        "two": Path("work/second"),
    }
    for wrong in ((second, first), (first, first), (stage("none", ("three",), "two"),)):
        with pytest.raises(ConfigError, match="expected artifacts that earlier stages write"):
            Workflow("wrong", "Do it.", SCAR3D_LAYOUT, wrong, "")


@pytest.mark.parametrize("one", RECONSTRUCT.stages, ids=lambda one: one.name)
def test_a_stage_is_there_and_takes_what_it_says(one: Stage) -> None:
    module = import_module(one.module)
    assert one.module.rpartition(".")[2] == one.name
    positional = [
        name for name, p in inspect.signature(module.run).parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    assert positional[: len(one.reads) + 3][-3:] == ["subjects", "output", "options"]
    assert COMMANDS[one.command] == ("stage", f"stage: {one.in_short}")


def test_settings_of_no_stage_are_refused_by_name() -> None:
    RECONSTRUCT.check_options({"train": {"steps": 3}})
    with pytest.raises(ConfigError, match=r"^options: expected one of the stages preprocess, .*, found 'fit'"):
        RECONSTRUCT.check_options({"fit": {}})
    with pytest.raises(ConfigError, match=r"^train: expected one of the keys .*, found unknown key 'stps'"):
        RECONSTRUCT.check_options({"train": {"stps": 3}})
