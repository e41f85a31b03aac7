"""Five stages over a shard in one process: the rows, artifacts and results of `cardioscar run`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cardioscar.errors import ConfigError
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d import reconstruct
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.finished_run import OPTIONS, Run, content


def test_a_shard_gives_what_a_run_gives(finished: Run, tmp_path: Path) -> None:
    run = finished.copy(tmp_path)
    labels = run.cohort / "P003" / "labels.nii.gz"
    labels.write_bytes(labels.read_bytes()[:200])
    rows = reconstruct.run(
        run.cohort, ["P001", "P003"], tmp_path / "work", OPTIONS, Recording(str(tmp_path / "results"), run_id="run-1")
    )
    assert [(row.subject, row.outcome) for row in rows] == [("P001", "ok"), ("P003", "skipped")]
    assert rows[1].error is not None
    assert rows[1].error.stage == "preprocess"

    for stage in RECONSTRUCT.names:
        mine, theirs = (content(folder / "P001") for folder in (tmp_path / "work" / stage, run.artifact(stage)))
        assert mine.keys() == theirs.keys(), stage
    mine, theirs = content(tmp_path / "results" / "P001"), content(run.result())
    assert mine.keys() == theirs.keys()
    same = {name for name in mine if mine[name] == theirs[name]}
    assert {"scar.vtu", "field.safetensors", "field.json"} <= same
    assert json.loads(mine["run.json"])["run_id"] == "run-1"
    assert json.loads((tmp_path / "results" / "P003" / "status.json").read_text())["outcome"] == "skipped"
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["P001", "P003"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"evaluate": {"figure": True}}, "evaluate: expected one of the keys .*unknown key 'figure'"),
        ({"infer": {"samples": "many"}}, "infer: samples: expected a value of type int"),
        ({"report": {}}, "options: expected one of the stages .*, found 'report'"),
    ],
)
def test_a_setting_of_a_late_stage_is_refused_before_any_work(
    finished: Run, tmp_path: Path, options: dict[str, dict[str, object]], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        reconstruct.run(finished.cohort, ["P001"], tmp_path / "work", options, Recording(str(tmp_path / "results")))
    assert list(tmp_path.iterdir()) == []
