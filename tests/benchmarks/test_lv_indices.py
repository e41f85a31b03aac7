"""The comparison of indices on drawn subjects, in small: what is kept, and that scoring again trains nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.lv_indices import __main__ as comparison
from benchmarks.lv_indices import drawn
from cardioscar.synthesis.cine.settings import CineConfig

ONLY = ["multi-task", "phase alone"]


def test_slices_and_networks_are_kept_and_scored_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = CineConfig(pixels=(40, 40), frames=4, pixel_mm=(2.4, 2.6), beyond_ends=(0.0, 0.0))
    monkeypatch.setattr(comparison, "GRID", small)
    monkeypatch.setattr(drawn, "SHARD", 2)
    words = [str(tmp_path), "--slices", "3", "--unseen", "4", "--steps", "2", "--batch", "2", "--only", *ONLY]
    assert comparison.main(words) == 0
    first = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()
    named = [line.split("|")[1].strip() for line in first if line.startswith("| ")]
    assert named[1:5] == ["segmentation alone, measured", "network that ships, regressed", *ONLY]
    row = dict(zip(named, [line for line in first if line.startswith("| ")], strict=True))
    assert "(r " in row["multi-task"]
    assert row["phase alone"].split("|")[2].strip() == "–"  # it has learned no areas
    assert row["phase alone"].split("|")[5].strip() != "–"
    assert any("LVQuan18" in name and "other data" in name for name in named)
    kept = sorted((tmp_path / "networks").iterdir())
    assert [path.suffix for path in kept] == [".safetensors"] * 2
    before = {path: path.stat().st_mtime_ns for path in [*kept, *(tmp_path / "drawn").rglob("*.npz")]}
    assert len(before) == 2 + 2 + 2
    assert comparison.main(words) == 0
    again = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()
    assert again[:-1] == first[:-1]  # but for the time of the call
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert capsys.readouterr().out.count("segmentation alone, measured") == 4


def test_unseen_slices_are_none_that_a_training_meets() -> None:
    from cardioscar.lvquant.training.batches import TRAINING, VALIDATION, numbered_seed

    seeds = {numbered_seed(stream, 0, n) for stream in (TRAINING, VALIDATION, comparison.UNSEEN) for n in range(200)}
    assert len(seeds) == 600
    assert np.iinfo(np.uint64).max >= max(seeds)
