"""How plans are compared with the truth of phantom patients."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.study import Row, row_of, table
from tests.stages.study import patients


def test_a_plan_at_the_true_best_site_loses_nothing(tmp_path: Path) -> None:
    patients.write(tmp_path / "P001", 2)
    truth = json.loads((tmp_path / "P001" / "phantom.json").read_text())
    best, result = truth["best_site"], tmp_path / "result"
    result.mkdir()
    plan = {"sites": [best], "qc": {"verdict": "pass"}}
    (result / "plan.json").write_text(json.dumps(plan))
    numbers = {"scar_ml": truth["scar_ml"] + 1, "lv_ef_percent": 30.0}
    (result / "metrics.json").write_text(json.dumps({"numbers": numbers}))
    row = row_of(2, tmp_path / "P001", result)
    assert (row.nearest_mm, row.same_segment, row.verdict) == (0, True, "pass")
    # the true score is a mean by volume, that of the comparison one of nodes
    assert abs(row.lost_ms) < 0.1 * row.true_ms
    assert row.scar_error_ml == pytest.approx(1)


def test_a_patient_without_a_plan_loses_all(tmp_path: Path) -> None:
    patients.write(tmp_path / "P001", 2)
    row = row_of(2, tmp_path / "P001", tmp_path / "nothing")
    assert row.lost_ms == row.true_ms
    assert np.isinf(row.nearest_mm)
    lines = table([row, Row(3, 50, 4, True, 1, 0.2, 40, "pass")])
    assert "1 within 10 mm, 1 within 15 mm, 1 within 20 mm" in lines[-1]
