"""Each training's pipeline, end to end on this machine, with the smallest settings."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("kfp")

from cardioscar.learning.bundle import read_bundle
from cardioscar.stages.networks import bundle_at
from cardioscar.stages.training_output import FILES
from pipelines.compile import compile_pipeline
from pipelines.local_runner import TaskFailedError, run_pipeline
from tests.finished_run import content
from tests.stages.training.tiny import FAMILIES, TINY, write_labelled


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_network_is_trained_published_and_registered(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = dict(TINY[family])
    given = {name: options.pop(name) for name in ("architecture", "size", "members") if name in options}
    labelled = write_labelled(family, tmp_path / "labelled")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    [record] = run_pipeline(
        compile_pipeline(f"train_{family}"),
        {
            "network_uri": str(tmp_path / "network"), "labelled_uri": str(labelled), "register": f"{family}-net",
            "alias": "champion", "tracking_uri": uri, f"train_{family}_options": options, **given,
        },
        root=tmp_path / "run",
    )  # fmt: skip
    assert sorted(content(tmp_path / "network")) == sorted(FILES)
    bundle = read_bundle(tmp_path / "network")
    artifacts = record.artifacts
    assert read_bundle(artifacts["network"]).sha256 == bundle.sha256
    assert "training report" in artifacts["page"].read_text(encoding="utf-8")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert bundle_at(f"models:/{family}-net@champion", family).sha256 == bundle.sha256


@pytest.mark.slow
def test_a_training_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(TaskFailedError, match="labelled folder: expected a folder, found no such folder"):
        run_pipeline(
            compile_pipeline("train_activation"),
            {"network_uri": str(tmp_path / "network"), "labelled_uri": str(tmp_path / "nowhere")},
            root=tmp_path / "run",
        )
    assert not (tmp_path / "network").exists()
