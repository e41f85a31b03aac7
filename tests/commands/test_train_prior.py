"""`cardioscar train-prior`: two things that are learned once, and their way into `train` and `run`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.conftest import Said
from tests.finished_run import Run, content

Cardioscar = Callable[..., Said]

QUICK = ("--steps=4", "--device=cpu")


def test_help_names_both_kinds(cardioscar: Cardioscar) -> None:
    said = cardioscar("train-prior", "--help")
    assert (said.code, said.err) == (0, "")
    assert "  field  Pretrain a coordinate network on a cohort" in said.out
    assert "  scar   Train the scar prior" in said.out
    for kind in ("field", "scar"):
        said = cardioscar("train-prior", kind, "--help")
        assert (said.code, f"cardioscar train-prior {kind}" in said.out) == (0, True)


def test_a_network_is_pretrained_and_a_fit_starts_from_it(
    finished: Run, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    said = cardioscar(
        "train-prior", "field", finished.artifact("group_sort"), "--json", "-o", tmp_path / "prior", *QUICK
    )
    assert said.code == 0
    about = json.loads(said.out)
    assert (about["hearts"], about["config"]["steps"]) == (3, 4)
    assert sorted(content(tmp_path / "prior")) == ["curves.json", "field.json", "field.safetensors", "training.html"]
    words = ("--start-from", tmp_path / "prior", "--freeze", "hidden.0", "head", "--steps=3", "--device=cpu")
    said = cardioscar("train", finished.artifact("group_sort"), "-o", tmp_path / "fit", "--subjects", "P001", *words)
    assert said.code == 0
    fitted = json.loads((tmp_path / "fit" / "P001" / "field.json").read_text(encoding="utf-8"))
    assert (fitted["prior_sha256"], fitted["frozen_blocks"]) == (about["sha256"], ["hidden.0", "head"])


def test_a_prior_and_blocks_reach_the_fit_of_a_whole_run(finished: Run, cardioscar: Cardioscar, tmp_path: Path) -> None:
    cardioscar("train-prior", "field", finished.artifact("group_sort"), "--json", "-o", tmp_path / "prior", *QUICK)
    said = cardioscar(
        "run", finished.cohort, "-o", tmp_path / "out", "--subjects", "P001", "--jobs=1", "--tracking-uri=off",
        "--start-from", tmp_path / "prior", "--freeze", "hidden.1", "--steps=3", "--samples=2", "--no-figures",
    )  # fmt: skip
    assert said.code == 0
    about = json.loads((tmp_path / "out" / "results" / "P001" / "field.json").read_text(encoding="utf-8"))
    assert about["frozen_blocks"] == ["hidden.1"]
    assert about["prior_sha256"]


def test_a_network_is_registered_and_found_by_its_address(
    finished: Run, cardioscar: Cardioscar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("alembic")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    said = cardioscar(
        "train-prior", "field", finished.artifact("group_sort"), "-o", tmp_path / "prior", *QUICK, "--json",
        "--register", "lv", "--tracking-uri", uri,
    )  # fmt: skip
    assert json.loads(said.out)["registered"] == "models:/lv/1"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    said = cardioscar(
        "train", finished.artifact("group_sort"), "-o", tmp_path / "fit", "--subjects=P001",
        "--start-from=models:/lv/1", "--steps=2", "--device=cpu",
    )  # fmt: skip
    assert said.code == 0


def test_a_scar_prior_is_trained_on_synthetic_scars(cardioscar: Cardioscar, tmp_path: Path) -> None:
    said = cardioscar(
        "train-prior", "scar", "-o", tmp_path / "prior", "--ventricles=2", "--scars=1", "--epochs=1", "--batch=1",
        "--channels=8", "--validation=0", "--json",
    )  # fmt: skip
    assert said.code == 0
    assert json.loads(said.out)["examples"] == 2
    files = ["curves.json", "scar_prior.json", "scar_prior.safetensors", "training.html"]
    assert sorted(content(tmp_path / "prior")) == files
    assert "Learned scar prior" in (tmp_path / "prior" / "training.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["training.html", "curves.json"])
def test_files_of_somebody_else_are_not_replaced(name: str, cardioscar: Cardioscar, tmp_path: Path) -> None:
    (tmp_path / "prior").mkdir()
    (tmp_path / "prior" / name).write_text("mine")
    said = cardioscar("train-prior", "scar", "-o", tmp_path / "prior", "--ventricles=2", "--scars=1", "--epochs=1")
    assert said.code == 2
    assert f"found another {name}; name another folder" in said.err
    assert content(tmp_path / "prior") == {name: b"mine"}


def test_a_scar_prior_is_registered_with_its_settings_and_curves(cardioscar: Cardioscar, tmp_path: Path) -> None:
    pytest.importorskip("alembic")
    from cardioscar.services.tracking.client import TrackingTarget, connect
    from cardioscar.services.tracking.trained_models import EXPERIMENT, load_model_files

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    said = cardioscar(
        "train-prior", "scar", "-o", tmp_path / "prior", "--ventricles=2", "--scars=2", "--epochs=2", "--batch=1",
        "--channels=4", "--cell-mm=6", "--layers=3", "--validation=0.5", "--register", "wall", "--json",
        "--tracking-uri", uri,
    )  # fmt: skip
    assert said.code == 0
    assert json.loads(said.out)["registered"] == "models:/wall/1"
    client = connect(TrackingTarget(uri))
    [run] = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    assert run.data.params["epochs"] == "2"
    assert run.data.metrics["validation_loss"] > 0
    losses = client.get_metric_history(run.info.run_id, "train/loss")
    assert sorted(metric.step for metric in losses) == [1, 2, 3, 4]
    (tmp_path / "back").mkdir()
    [back] = load_model_files(TrackingTarget(uri), "wall", 1, ["scar_prior.safetensors"], tmp_path / "back")
    assert back.read_bytes() == (tmp_path / "prior" / "scar_prior.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("network",), "train-prior: expected field or scar, found 'network'"),
        (("field", "nowhere", "-o", "out"), "cohort: expected a folder or a cohort.csv, found no such folder"),
        (("field", "nowhere", "-o", "out", "--layers", "0"), "layers: expected at least 1, found 0"),
        (("field", "nowhere", "-o", "s3://bucket/prior"), "out: expected a folder of this machine"),
        (("field", "nowhere", "-o", "out", "--register", "lv"), "tracking URI: expected --tracking-uri or MLFLOW"),
        (("scar", "-o", "out", "--register", "lv"), "tracking URI: expected --tracking-uri or MLFLOW"),
        (("scar", "-o", "out", "--epochs", "0"), "epochs: expected at least 1, found 0"),
    ],
)
def test_wrong_input_is_one_line_and_code_2(
    words: tuple[str, ...],
    message: str,
    cardioscar: Cardioscar,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    said = cardioscar("train-prior", *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines()[-1].startswith(f"cardioscar: {message}")
    assert not (tmp_path / "out").exists()


def test_help_of_a_kind_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    script = (
        "import sys\nfrom cardioscar.cli import main\n"
        "try:\n    main(['train-prior', 'field', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(*({'torch', 'pyvista', 'mlflow', 'matplotlib', 'boto3'} & sys.modules.keys()), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout
    assert done.stderr.split() == []
