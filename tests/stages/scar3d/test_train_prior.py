"""A network pretrained on a cohort, written without a word on who was in it, and the fits that start from it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from cardioscar.errors import ConfigError, InputError
from cardioscar.services.store.object_store import S3Place, Store
from cardioscar.shard.status import Status, read_status
from cardioscar.stages.scar3d import train, train_prior
from cardioscar.stages.scar3d.pretrained_source import fetch_pretrained
from tests.finished_run import SUBJECTS, Run, content, hidden

QUICK = {"steps": 6, "device": "cpu"}


@pytest.fixture(scope="module")
def prior(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prior") / "prior"
    train_prior.field(finished.artifact("group_sort"), folder, QUICK)
    return folder


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    return finished.copy(tmp_path, before="train")


def fit(run: Run, prior: Path | str, **options: Any) -> list[Status]:
    return run.stage("train", SUBJECTS, options={"start_from": str(prior), **options})


def description(run: Run, subject: str = "P001") -> dict[str, Any]:
    return json.loads((run.folder("train", subject) / "field.json").read_text(encoding="utf-8"))


def test_a_prior_is_four_files_that_name_nobody(prior: Path, finished: Run) -> None:
    assert sorted(content(prior)) == ["curves.json", "field.json", "field.safetensors", "training.html"]
    assert hidden(prior.parent) == []
    text = "".join(
        (prior / name).read_text(encoding="utf-8") for name in ("curves.json", "field.json", "training.html")
    )
    assert not [word for word in (*SUBJECTS, str(finished.out), "group_sort", "cohort/") if word in text]
    assert not [subject for subject in SUBJECTS if subject.encode() in (prior / "field.safetensors").read_bytes()]
    about = json.loads((prior / "field.json").read_text(encoding="utf-8"))
    sorted_files = [finished.folder("group_sort", subject) / "sorted.npz" for subject in SUBJECTS]
    assert about["hearts"]["count"] == 3
    assert about["hearts"]["groups_sha256"] == sorted(hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted_files)
    assert (about["config"]["steps"], about["format"]) == (6, "cardioscar prior 1")


def test_the_same_cohort_gives_the_same_bytes(prior: Path, finished: Run, tmp_path: Path) -> None:
    train_prior.field(finished.artifact("group_sort"), tmp_path / "again", QUICK)
    assert content(tmp_path / "again") == content(prior)


SYNTHETIC = {"ventricles": 1, "scars": 1, "epochs": 6, "batch": 1, "channels": 8, "validation": 0.0}


@pytest.mark.parametrize("kind", ["field", "scar"])
def test_a_killed_training_goes_on_from_its_checkpoint_to_the_same_weights(
    finished: Run, tmp_path: Path, kind: str
) -> None:
    heard: list[int] = []

    def learn(out: Path, dies_at: int = 0, **settings: Any) -> dict[str, Any]:
        def on_step(part: str, done: int, of: int) -> None:
            if part == "train":
                heard.append(done)
                if done == dies_at:
                    raise KeyboardInterrupt

        if kind == "scar":
            return train_prior.scar(out, {**SYNTHETIC, **settings}, on_step=on_step)
        return train_prior.field(finished.artifact("group_sort"), out, {**QUICK, **settings}, on_step=on_step)

    whole = learn(tmp_path / "whole")
    heard.clear()
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "killed", 4, checkpoint_seconds=0.0)
    assert (tmp_path / ".killed.checkpoint").is_file()
    again = learn(tmp_path / "killed", checkpoint_seconds=3.0)
    assert heard == [1, 2, 3, 4, 5, 6]
    name = f"{train_prior.STEMS[kind]}.safetensors"
    weights = load_file(tmp_path / "whole" / name)
    for block, values in load_file(tmp_path / "killed" / name).items():
        np.testing.assert_array_equal(values, weights[block])
    assert again["config_sha256"] == whole["config_sha256"]
    assert hidden(tmp_path) == []

    # what another training left behind is not gone on from
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path / "killed", 4, checkpoint_seconds=0.0)
    heard.clear()
    learn(tmp_path / "killed", seed=1)
    assert heard[0] == 1


def test_a_cohort_folder_is_preprocessed_first_and_nothing_of_it_stays(
    prior: Path, finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    heard: list[tuple[str, int, int]] = []
    about = train_prior.field(
        finished.cohort, tmp_path / "out", QUICK, subjects="P001, P003", on_step=lambda *word: heard.append(word)
    )
    assert about["hearts"]["count"] == 2
    assert content(tmp_path / "tmp") == {}
    assert heard[:3] == [("preprocess", 1, 2), ("preprocess", 2, 2), ("train", 1, 6)]


def test_a_subject_that_cannot_be_read_is_left_out(
    finished: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    artifact = shutil.copytree(finished.artifact("group_sort"), tmp_path / "sorted")
    whole = (artifact / "P001" / "sorted.npz").read_bytes()
    (artifact / "P001" / "sorted.npz").write_bytes(whole[:1000])
    with np.load(artifact / "P002" / "sorted.npz") as stored:
        arrays = dict(stored)
    one_slice = arrays | {"slice_number": np.zeros_like(arrays["slice_number"])}
    np.savez_compressed(artifact / "P002" / "sorted.npz", **one_slice)
    about = train_prior.field(artifact, tmp_path / "out", QUICK)
    assert about["hearts"]["count"] == 1
    assert "left out: sorted.npz cannot be read" in caplog.text
    assert "left out: slices: expected at least two slices" in caplog.text
    shutil.rmtree(artifact / "P003")
    with pytest.raises(InputError, match="cohort: expected at least one subject to learn from, found none of 2"):
        train_prior.field(artifact, tmp_path / "none", QUICK)
    assert not (tmp_path / "none").exists()


def test_a_folder_that_holds_something_else_is_not_replaced(finished: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        ConfigError, match="out: expected a new or empty folder, or that of an earlier pretrained network, found one"
    ):
        train_prior.field(finished.artifact("group_sort"), tmp_path, QUICK)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with pytest.raises(InputError, match="subjects: expected ids of the artifact"):
        train_prior.field(finished.artifact("group_sort"), tmp_path / "out", QUICK, subjects="P009")
    with pytest.raises(ConfigError, match="unknown key 'step'"):
        train_prior.field(finished.artifact("group_sort"), tmp_path / "out", {"step": 5})


@pytest.mark.parametrize("together", [1, 8])
def test_a_fit_starts_from_the_prior_and_says_so(run: Run, prior: Path, together: int) -> None:
    rows = fit(run, prior, steps=3, freeze=["hidden.0"], subjects_together=together)
    assert [row.outcome for row in rows] == ["ok"] * 3
    sha256 = hashlib.sha256((prior / "field.json").read_bytes()).hexdigest()
    for subject in SUBJECTS:
        about = description(run, subject)
        assert (about["prior_sha256"], about["frozen_blocks"]) == (sha256, ["hidden.0"])
        assert about["config"]["start_from"] == f"sha256:{sha256}"
        assert about["spec"]["axes"] is not None
        fitted, learned = (load_file(folder / "field.safetensors") for folder in (run.folder("train", subject), prior))
        equal = {name for name in learned if np.array_equal(fitted[name], learned[name])}
        assert equal == {"encoding.omega", "hidden.0.weight", "hidden.0.bias"}
    status = read_status(run.folder("train"))
    assert status is not None
    assert str(prior) not in json.dumps(dataclasses.asdict(status))


def test_without_a_prior_a_field_says_that_there_was_none(finished: Run) -> None:
    about = description(finished)
    assert (about["prior_sha256"], about["frozen_blocks"]) == (None, [])


def test_a_field_with_a_prior_is_inferred_as_it_was_fitted(run: Run, prior: Path) -> None:
    fit(run, prior, steps=40)
    rows = run.stage("infer", SUBJECTS)
    assert [row.outcome for row in rows] == ["ok"] * 3


def test_a_prior_that_changes_makes_a_new_fit_and_one_that_moves_does_not(
    run: Run, finished: Run, prior: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(prior, moved)
    seen: list[bool] = []

    def refitted(at: Path) -> list[bool]:
        seen.clear()
        run.stage(
            "train",
            SUBJECTS,
            options={"start_from": str(at), "steps": 3},
            on_done=lambda row, reused: seen.append(not reused),
        )
        return list(seen)

    assert refitted(prior) == [True] * 3
    assert refitted(moved) == [False] * 3
    train_prior.field(finished.artifact("group_sort"), moved, QUICK | {"seed": 1})
    assert refitted(moved) == [True] * 3


def test_a_run_that_finds_all_done_does_not_import_torch(run: Run, prior: Path) -> None:
    import subprocess

    fit(run, prior, steps=3)
    script = f"""
import sys
from cardioscar.stages.scar3d import train
rows = train.run({str(run.artifact("group_sort"))!r}, {list(SUBJECTS)!r}, {str(run.artifact("train"))!r},
    {{"steps": 3, "checkpoint_seconds": 0.0, "device": "cpu", "start_from": {str(prior)!r}}})
print([row.outcome for row in rows], "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "['ok', 'ok', 'ok'] False"


def test_a_prior_that_is_not_there_or_does_not_fit_is_said_before_any_fit(
    run: Run, prior: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        InputError,
        match="start_from: expected a folder with a network that train-prior field wrote, found no such folder",
    ):
        fit(run, tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="start_from: expected a network with the fit's hidden 32, found hidden 64"):
        fit(run, prior, hidden=32)
    with pytest.raises(ConfigError, match="start_from: expected a network of the fit's method reference"):
        fit(run, prior, method="reference")
    with pytest.raises(ConfigError, match="start_from: expected a folder, file:// or s3://"):
        fit(run, "gs://bucket/prior")
    with pytest.raises(ConfigError, match="start_from: expected models:/name/version with a version number"):
        fit(run, "models:/name/latest")
    assert not run.artifact("train").exists()


def test_a_subjects_field_is_no_prior(run: Run, finished: Run) -> None:
    with pytest.raises(
        InputError, match=r"pretrained network: field.json: expected a network that train-prior field wrote, found one"
    ):
        fit(run, finished.folder("train"))


def test_a_subject_without_a_long_axis_fails_alone(run: Run, prior: Path) -> None:
    path = run.folder("group_sort", "P002") / "sorted.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez_compressed(path, **arrays | {"slice_number": np.zeros_like(arrays["slice_number"])})
    rows = fit(run, prior, steps=3)
    assert [row.outcome for row in rows] == ["ok", "failed", "ok"]
    assert rows[1].error is not None
    assert rows[1].error.message == "slices: expected at least two slices with wall, to find the long axis, found 1"


def test_the_published_network_starts_from_a_prior_too(run: Run, finished: Run, tmp_path: Path) -> None:
    train_prior.field(finished.artifact("group_sort"), tmp_path / "prior", QUICK | {"method": "reference"})
    rows = fit(run, tmp_path / "prior", method="reference", max_epochs=2, freeze=["hidden.3", "head"])
    assert [row.outcome for row in rows] == ["ok"] * 3
    fitted, learned = (load_file(at / "field.safetensors") for at in (run.folder("train"), tmp_path / "prior"))
    equal = {name.rpartition(".")[0] for name in learned if np.array_equal(fitted[name], learned[name])}
    assert equal == {"hidden.3", "head"}  # its encoding has no weights


def test_a_prior_comes_from_an_object_store(run: Run, prior: Path, bucket: S3Place) -> None:
    store, at = Store.connect(), bucket / "priors/first"
    address = f"s3://{at.bucket}/{at.prefix}"
    for name, data in content(prior).items():
        store.write(at / name, data)
    rows = fit(run, address, steps=3)
    assert [row.outcome for row in rows] == ["ok"] * 3
    assert fetch_pretrained(address) == fetch_pretrained(str(prior))
    with pytest.raises(
        InputError, match=r"start_from: field.json: expected a network that train-prior field wrote, found no"
    ):
        fetch_pretrained(f"s3://{at.bucket}/priors/second")


def test_a_prior_comes_from_the_registry(prior: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("alembic")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    address = train_prior.register(prior, "lv-network", uri)
    assert address == "models:/lv-network/1"
    assert train_prior.register(prior, "lv-network", uri) == address
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match="start_from: expected MLFLOW_TRACKING_URI"):
        fetch_pretrained(address)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert fetch_pretrained(address) == fetch_pretrained(str(prior))
    for wrong in ("models:/lv-network/2", "models:/other/1"):
        with pytest.raises(InputError, match=r"registry: expected version \d of a model of that name, found none"):
            fetch_pretrained(wrong)
    with pytest.raises(InputError, match="model name: expected"):
        train_prior.register(prior, "cardioscar-scar3d", uri)


def test_learned_blocks_are_not_changed_by_dropout_or_decay(run: Run, prior: Path) -> None:
    """The optimiser's weight decay must not touch what is frozen, also where it is strong."""
    fit(run, prior, steps=3, freeze=["hidden.0", "head"], weight_decay=0.5, subjects_together=8)
    fitted, learned = (load_file(at / "field.safetensors") for at in (run.folder("train"), prior))
    for name in ("hidden.0.weight", "head.weight", "head.bias"):
        assert np.array_equal(fitted[name], learned[name])
    assert not np.array_equal(fitted["hidden.1.weight"], learned["hidden.1.weight"])
    assert torch.isfinite(torch.as_tensor(fitted["hidden.1.weight"])).all()


def test_settings_of_a_fit_are_not_changed_where_no_prior_is_named() -> None:
    from cardioscar.stages.scar3d.pretrained_source import resolve_pretrained

    config = train.Config()
    assert resolve_pretrained(config) == (config, None)
