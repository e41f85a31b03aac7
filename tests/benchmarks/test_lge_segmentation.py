"""The benchmark of segmenters runs, its subjects are always the same, and its tables hold what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import lge_segmentation as benchmark
from cardioscar.imaging.labels import Label


def test_unseen_subjects_have_scar_and_are_the_same_each_time() -> None:
    [(image, labels)] = benchmark.unseen(1)
    [(again, _)] = benchmark.unseen(1)
    np.testing.assert_array_equal(image.values, again.values)
    assert (labels == Label.SCAR).sum() >= 50
    pictures = benchmark.spoiled(image, 0)
    assert pictures["clean"] is image
    rough = {name: float(np.abs(np.diff(one.values, axis=0)).mean()) for name, one in pictures.items()}
    assert rough["noisy"] > rough["clean"] > rough["blurred"]


def test_tables_hold_each_method_and_undefined_numbers_are_dashes() -> None:
    shown = benchmark.table([{"a": 0.5, "b": "x"}, {"a": float("nan"), "c": 3}])
    assert shown.splitlines() == ["| a | b | c |", "|---|---|---|", "| 0.500 | x | – |", "| – | – | 3 |"]


@pytest.mark.slow
def test_networks_stand_beside_the_rules_in_one_run(
    tiny_network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARDIOSCAR_DATA", str(tmp_path / "none"))
    words = ["--network", f"tiny={tiny_network}", "--subjects", "1", "--views", "1", "--out", str(tmp_path)]
    assert benchmark.main(words) == 0
    shown = capsys.readouterr().out
    said = json.loads((tmp_path / "numbers.json").read_text())
    assert {(row["picture"], row["method"]) for row in said["synthetic"]} == {
        (picture, method)
        for picture in ("clean", "noisy", "blurred")
        for method in ("tiny", "fwhm in the true wall", "nsd in the true wall")
    }
    assert "## 1 unseen synthetic subjects with scar" in shown
    assert "peak memory" in shown
