"""The folds of LVQuan, from a folder to one table."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from cardioscar.commands import lvquant_protocol
from cardioscar.errors import ConfigError, InputError
from cardioscar.learning.bundle import WEIGHTS
from cardioscar.stages.training.protocol import protocol
from tests.finished_run import hidden
from tests.stages.training.tiny import changed, write_labelled


def _settings(**loop: Any) -> dict[str, Any]:
    return {name: value for name, value in changed("lvquant", **loop).items() if name != "calibration_hearts"}


@pytest.mark.slow
def test_folds_end_in_one_table_and_are_not_trained_twice(tmp_path: Path) -> None:
    folder, settings = write_labelled("lvquant", tmp_path / "lvquan"), _settings(steps=2)
    told: list[str] = []
    said = protocol(folder, tmp_path / "out", settings, folds=3, on_step=lambda part, *_: told.append(part))
    assert set(told) == {"fold 1 of 3", "fold 2 of 3", "fold 3 of 3"}
    assert said["folds"] == [{"train": 1, "validation": 1, "test": 1}] * 3
    assert json.loads((tmp_path / "out/agreement.json").read_text()) == said
    with (tmp_path / "out/agreement.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["way"] for row in rows] == ["regressed"] * 11 + ["measured"] * 11
    assert hidden(tmp_path / "out") == []
    weights = [(tmp_path / f"out/fold{n}" / WEIGHTS).read_bytes() for n in (1, 2, 3)]
    told.clear()
    assert protocol(folder, tmp_path / "out", settings, folds=3, on_step=lambda part, *_: told.append(part)) == said
    assert told == []
    first, second = sorted(folder.iterdir())[:2]
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())  # the same ids, other files
    protocol(folder, tmp_path / "out", settings, folds=3, on_step=lambda part, *_: told.append(part))
    assert set(told) == {"fold 1 of 3", "fold 2 of 3", "fold 3 of 3"}
    first.write_bytes(kept)
    assert protocol(folder, tmp_path / "out", settings, folds=3) == said
    assert weights == [(tmp_path / f"out/fold{n}" / WEIGHTS).read_bytes() for n in (1, 2, 3)]


def test_few_subjects_are_refused(tmp_path: Path) -> None:
    folder = write_labelled("lvquant", tmp_path / "lvquan")
    with pytest.raises(InputError, match="folds: expected at most one for each of 3 subjects, found 5"):
        protocol(folder, tmp_path / "out")


@pytest.mark.parametrize("name", ["start_from", "calibration_hearts"])
def test_what_the_protocol_does_not_follow_is_not_offered(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match="protocol: expected one of the keys"):
        protocol(tmp_path, tmp_path / "out", {name: 1})
    assert not (tmp_path / "out").exists()
    with pytest.raises(SystemExit):
        lvquant_protocol.main("cardioscar lvquant protocol", ["--help"])
    said = capsys.readouterr().out
    assert "--synthetic.frames" in said
    assert f"--{name.replace('_', '-')}" not in said
