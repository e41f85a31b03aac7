"""Every command has the same two flags: `--quiet`, and `--json` for one document on standard output."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cardioscar import cli
from cardioscar.commands import activation, lge, lvquant, pipeline, registry, train_prior
from cardioscar.commands.terminal import Terminal, lines
from tests.commands.conftest import Said

Cardioscar = Callable[..., Said]

ACTIONS: Mapping[str, Mapping[str, object]] = {
    "activation": activation.ACTIONS,
    "lge": lge.ACTIONS,
    "lvquant": lvquant.ACTIONS,
    "pipeline": pipeline.ACTIONS,
    "registry": registry.ACTIONS,
    "train-prior": train_prior.ACTIONS,
}
EVERY = [tuple(filter(None, (name, one))) for name in cli.COMMANDS for one in ACTIONS.get(name, {"": None})]


@pytest.mark.parametrize("words", [one for one in EVERY if one != ("completion",)], ids=" ".join)
def test_help_lists_both_flags_and_calls_values_by_what_they_mean(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as end:
        cli.main([*words, "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert "-q, --quiet" in said
    assert re.search(r"^\W*--json\s", said, re.MULTILINE)
    for nothing in ("{None}", "(default: '')", "(default: None)", "(default: )"):
        assert nothing not in said, nothing
    assert re.findall(r" (?:STR|FLOAT|INT)\b", said) == []


def test_help_of_a_run_lists_the_short_flags(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    said = capsys.readouterr().out
    assert "--holdout none|odd|even|3,5, --preprocess.holdout" in said
    assert "What several stages have is set in each of them: --device, --seed." in " ".join(said.split())
    assert "--seed N, --train.seed" not in said


def test_a_document_is_strict_json_and_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(json=True)
    terminal.remark("by the way")
    terminal.answer({"dice": float("nan"), "hearts": ("é",), "where": Path("a")}, "not this")
    said = capsys.readouterr()
    assert json.loads(said.out) == {"dice": None, "hearts": ["é"], "where": "a"}
    assert said.err == "by the way\n"
    Terminal(quiet=True).remark("by the way")
    assert capsys.readouterr().err == ""


def test_a_document_within_lists_is_legible() -> None:
    assert list(lines([{"a": 1, "b": {}}, {"a": True}])) == ["1", "  a  1", "  b  –", "2", "  a  yes"]


def test_a_run_in_json_is_one_document(cardioscar: Cardioscar, cohort: Path, tmp_path: Path) -> None:
    words = ("run", cohort, "-o", tmp_path / "out", "-j", 1, "--tracking-uri", "off", "--json", "-q")
    said = cardioscar(*words, "--steps", 2, "--samples", 2, "--no-figures", "--max-failed-fraction", 0.5)
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert said.err == ""
    assert found["verdict"] == "accepted"
    rows = {one["subject"]: one for one in found["subjects"]}
    assert rows["P001"]["metrics"]["scar_ml"] > 0
    assert Path(rows["P001"]["report"]).is_file()
    assert rows["P002"]["error"]["stage"] == "preprocess"
    assert found["seconds"]["reconstruct"] > 0
