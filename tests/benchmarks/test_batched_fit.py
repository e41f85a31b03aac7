from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "batched_fit.py"


def test_it_prints_both_times_their_ratio_and_that_both_did_the_same_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--nodes", "1500", "--together", "1", "2", "--steps", "3", "--repeats", "1", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", ["batched_fit.py", *words])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    device, _, *rows = capsys.readouterr().out.splitlines()
    assert device.startswith("cpu (")
    assert [row.split()[2] for row in rows] == ["1", "2"]
    for row in rows:
        alone_s, together_s, ratio, per_second, apart = map(float, row.split()[3:])
        assert alone_s > 0
        # the times are printed to hundredths of a second
        assert (alone_s - 0.01) / (together_s + 0.01) <= ratio <= (alone_s + 0.01) / max(together_s - 0.01, 1e-9)
        assert per_second > 0
        assert apart < 1e-4
