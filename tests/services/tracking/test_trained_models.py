"""A trained network is recorded once for its content, with all that is said of it and no subject's id."""

from __future__ import annotations

import dataclasses
from itertools import count
from pathlib import Path

import pytest

from cardioscar.errors import InputError
from cardioscar.learning.curves import Curves
from cardioscar.learning.split import Split
from cardioscar.services.tracking import records, trained_models
from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.trained_models import (
    EXPERIMENT,
    TrainedModel,
    check_model_name,
    load_model_files,
    record_trained_model,
)
from cardioscar.stages.families import MODEL_NAMES

_numbers = count(1)


@pytest.fixture
def name() -> str:
    return f"network-{next(_numbers)}"


@pytest.fixture
def model(tmp_path: Path, name: str) -> TrainedModel:
    (tmp_path / "weights").write_bytes(b"weights")
    (tmp_path / "overlay").write_bytes(b"png")
    return TrainedModel(
        files={"model.safetensors": tmp_path / "weights"},
        key=name.encode().hex().ljust(64, "0"),
        settings={"steps": 3, "schedule": {"peak": 0.1, "betas": [0.85, 0.95]}, "data": "/home/jane/doe"},
        metrics={"dice": 0.7, "nan": float("nan")},
        curves=Curves((0.5, 0.4, 0.3), (0.1, 0.2, 0.1), ((2, {"dice": 0.6}), (3, {"dice": 0.7}))),
        artifacts={"overlays/worst.png": tmp_path / "overlay"},
        split=Split(("PATIENT-1", "PATIENT-2"), ("PATIENT-3",)),
        aliases=("champion",),
    )


def recorded(store: TrackingTarget, name: str):  # type: ignore[no-untyped-def]
    client = connect(store)
    versions = list(client.search_model_versions(f"name = '{name}'"))
    runs = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    return client, [run for run in runs if run.info.run_name == name], versions


def test_all_that_is_said_of_a_network_is_recorded(store: TrackingTarget, model: TrainedModel, name: str) -> None:
    assert record_trained_model(store, name, model) == 1
    client, [run], [version] = recorded(store, name)
    assert run.info.status == "FINISHED"
    assert version.run_id == run.info.run_id
    assert run.data.params == {
        "steps": "3", "schedule.peak": "0.1", "schedule.betas": "[0.85, 0.95]", "data": records.WITHHELD,
        "split.train": "2", "split.validation": "1", "split.test": "0",
    }  # fmt: skip
    assert run.data.tags[records.TAG_SPLIT_SHA256] == model.split.sha256  # type: ignore[union-attr]
    assert run.data.metrics["dice"] == 0.7
    assert "nan" not in run.data.metrics
    for metric, points in model.curves.as_metrics().items():  # type: ignore[union-attr]
        history = client.get_metric_history(run.info.run_id, metric)
        assert sorted((m.step, m.value) for m in history) == list(points)
    paths = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert paths == {"model.safetensors", "overlays"}
    assert client.get_model_version_by_alias(name, "champion").version == version.version
    assert "PATIENT" not in str(run.to_dictionary())


def test_a_repetition_changes_nothing_but_the_aliases(store: TrackingTarget, model: TrainedModel, name: str) -> None:
    record_trained_model(store, name, model)
    before = recorded(store, name)[1][0]
    assert record_trained_model(store, name, dataclasses.replace(model, aliases=("challenger",))) == 1
    client, [after], [version] = recorded(store, name)
    assert after.to_dictionary() == before.to_dictionary()
    assert len(client.get_metric_history(after.info.run_id, "train/loss")) == 3
    assert client.get_model_version_by_alias(name, "challenger").version == version.version


def test_a_run_that_was_cut_off_is_completed(
    store: TrackingTarget, model: TrainedModel, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(trained_models, "log_artifacts", die)
        with pytest.raises(KeyboardInterrupt):
            record_trained_model(store, name, model)
    assert recorded(store, name)[2] == []
    assert record_trained_model(store, name, model) == 1
    client, [run], [_] = recorded(store, name)
    assert run.info.status == "FINISHED"
    assert len(client.get_metric_history(run.info.run_id, "train/loss")) == 3
    assert {item.path for item in client.list_artifacts(run.info.run_id)} == {"model.safetensors", "overlays"}


def test_an_alias_moves_to_the_newer_network_and_files_are_found_by_it(
    store: TrackingTarget, model: TrainedModel, name: str, tmp_path: Path
) -> None:
    record_trained_model(store, name, model)
    (tmp_path / "newer").write_bytes(b"newer")
    newer = dataclasses.replace(model, files={"model.safetensors": tmp_path / "newer"})
    newer = dataclasses.replace(newer, key="f" * 8 + model.key[:56])
    assert record_trained_model(store, name, newer) == 2
    (tmp_path / "back").mkdir()
    for version, held in ((1, b"weights"), (2, b"newer"), ("champion", b"newer")):
        [file] = load_model_files(store, name, version, ["model.safetensors"], tmp_path / "back")
        assert file.read_bytes() == held
    for wrong in ("stranger", 7):
        with pytest.raises(InputError, match=f"registry: expected version {wrong} of a model of that name, found none"):
            load_model_files(store, name, wrong, ["model.safetensors"], tmp_path / "back")


@pytest.mark.parametrize("alias", ["latest", "v3", "", "Champion", "a b", "x" * 65, "jane/doe"])
def test_an_alias_that_mlflow_refuses_is_refused_before(alias: str, model: TrainedModel) -> None:
    with pytest.raises(InputError, match="alias: expected 1 to 64 lower-case letters"):
        dataclasses.replace(model, aliases=(alias,))


def test_what_cannot_be_recorded_is_refused_before(model: TrainedModel, tmp_path: Path, store: TrackingTarget) -> None:
    with pytest.raises(InputError, match=r"model.safetensors: expected an existing file, found none"):
        dataclasses.replace(model, files={"model.safetensors": tmp_path / "missing"})
    with pytest.raises(InputError, match="metric or parameter name"):
        dataclasses.replace(model, settings={"a b": 1})
    for name in ("", "a/b"):
        with pytest.raises(InputError, match="model name: expected 1 to 64 letters"):
            record_trained_model(store, name, model)
    with pytest.raises(InputError, match="'-', not .*cardioscar-scar3d, found another name"):
        check_model_name("cardioscar-scar3d", MODEL_NAMES)
