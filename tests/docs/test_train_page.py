"""What the page on training says: every command of it is understood, as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cardioscar.cli import main
from cardioscar.commands import train_network
from cardioscar.stages.training_output import FILES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "train-a-network.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="an image holds no documentation")


def commands(kind: str) -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [words[1:] for words in lines if kind in words[1:3]]


def test_every_training_of_the_page_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    facts = dict.fromkeys(("family", "stop_reason", "steps", "best_step", "seconds", "warnings"), 0)

    def train(family: str, _: str, settings: dict[str, Any], **rest: Any) -> SimpleNamespace:
        given.append((family, settings, rest))
        return SimpleNamespace(facts=facts, figures={}, registered="", reused=False, sha256="")

    def settings_of_network(trainer: Any, address: str) -> Any:
        assert address in ("shipped", "nets/lge")
        return trainer.settings(seed=7)

    monkeypatch.setattr("cardioscar.stages.training.rail.train", train)
    monkeypatch.setattr(train_network, "settings_of_network", settings_of_network)
    monkeypatch.setattr("cardioscar.logs.configure", lambda *_, **__: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets/lge").mkdir(parents=True)
    (tmp_path / "nets/lge/settings.yaml").write_text("batch: 3\nloop: {steps: 9}\n")
    words = commands("train")
    for one in words:
        assert main(one) == 0, one
    families = [family for family, *_ in given]
    assert len(given) == len(words) == 8
    assert set(families) == {"lge", "lvquant", "activation"}
    assert [settings["seed"] for _, settings, _ in given[4:6]] == [7, 1]
    assert given[6][1]["batch"] == 3
    assert (given[6][1]["loop"]["steps"], given[6][1]["loop"]["watch"]) == (9, "scar_dice")
    assert given[3][2]["labelled"] == "s3://hospital/lge"
    assert given[7][2]["registration"].name == "lge-hospital"
    assert given[7][2]["registration"].aliases == ("champion",)
    capsys.readouterr()


def test_the_page_names_every_file_of_a_training() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in FILES if f"`{name}`" not in text] == []


def test_the_protocol_of_the_page_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def protocol(*values: Any, **rest: Any) -> dict[str, Any]:
        given.append((*values[:2], rest["folds"]))
        nothing: dict[str, Any] = {"mae": {}, "phase_error_percent": None}
        return {"regressed": nothing, "measured": nothing}

    monkeypatch.setattr("cardioscar.stages.training.protocol.protocol", protocol)
    monkeypatch.setattr("cardioscar.logs.configure", lambda *_, **__: None)
    [words] = commands("protocol")
    assert main(words) == 0
    assert given == [("lvquan2018/", Path("folds"), 5)]
