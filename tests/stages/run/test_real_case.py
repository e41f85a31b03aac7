"""The real LGE case from every second slice: the figure that everything stands beside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cardioscar.stages.run.cohort import run_cohort
from docs.metrics_page import schema


@pytest.mark.real
@pytest.mark.slow
def test_hidden_slices_are_predicted_at_least_as_well_as_by_the_better_baseline(data_dir: Path, tmp_path: Path) -> None:
    case = data_dir / "sunnybrook_lge_infarct_annotations"
    if not case.is_dir():
        pytest.skip(f"no {case.name} in CARDIOSCAR_DATA")
    run = run_cohort(case, tmp_path / "out", {"preprocess": {"holdout": "odd"}, "evaluate": {"figures": False}})
    assert [row.outcome for row in run.rows] == ["ok"]
    metrics = json.loads((tmp_path / "out" / "results" / case.name / "metrics.json").read_text())
    pytest.importorskip("jsonschema").Draft202012Validator(schema()).validate(metrics)
    heldout = metrics["heldout"]
    assert heldout["slices"] == [3, 5, 7, 9, 11, 13, 15]
    assert heldout["pixels"] == 19002  # the wall of the hidden slices, pixel by pixel, the same for every method
    dice = {method: scores["dice"] for method, scores in heldout["scores"].items()}
    # independent interpolation in the annotations' folder gives 0.816 for signed distance in the plane
    assert dice["baseline"] > 0.816 - 0.004
    assert dice["cardioscar"] >= dice["baseline"]
    assert metrics["scar"]["volume_ml"] == pytest.approx(16.5, rel=0.1)  # annotated from all slices
    assert metrics["scar"]["wall_ml"] == pytest.approx(122.46, rel=0.03)
