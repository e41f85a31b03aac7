from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "grouping.py"


def test_it_prints_both_times_and_their_ratio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["grouping.py", "--nodes", "2000", "--pixel-mm", "2", "--sample", "20"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    ours, loop, ratio = (float(re.findall(r"\d+\.?\d*", line)[0]) for line in lines[1:])
    assert 0 < ours < loop
    assert ratio > 1
