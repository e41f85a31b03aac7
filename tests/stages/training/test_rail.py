"""One rail from settings to a network: whole, drawn, recorded, killed and resumed, refused; for every family alike."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from cardioscar.config import file_sha256
from cardioscar.errors import ConfigError, DivergedError, InputError
from cardioscar.learning.bundle import read_bundle
from cardioscar.learning.curves import Curves
from cardioscar.services.store.object_store import S3Place, Store
from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.trained_models import NETWORKS
from cardioscar.stages.networks import bundle_at
from cardioscar.stages.training import stored_output
from cardioscar.stages.training.rail import Trained, train
from cardioscar.stages.training.recipe import settings_of_file, settings_of_network, settings_with
from cardioscar.stages.training.registration import Registration
from cardioscar.stages.training.trainers import TRAINERS
from cardioscar.stages.training_output import FILES
from tests.finished_run import content, hidden
from tests.stages.training.tiny import FAMILIES, TINY, changed, write_labelled

OFF = Registration("off")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A training of each family, on synthetic data alone; do not write to it."""
    root = tmp_path_factory.mktemp("trained")
    for family in FAMILIES:
        train(family, root / family, TINY[family], registration=OFF)
    return {family: root / family for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_training_is_a_whole_folder(family: str, trained: dict[str, Path]) -> None:
    folder = trained[family]
    assert sorted(content(folder)) == sorted(FILES)
    assert hidden(folder.parent) == []
    bundle, facts = read_bundle(folder), json.loads((folder / "training.json").read_text())
    assert facts["network_sha256"] == bundle.sha256
    assert facts["steps"] == len(Curves.from_json((folder / "curves.json").read_text()).losses) == 4
    assert (facts["family"], facts["stop_reason"], facts["labelled_sha256"]) == (family, "completed", "")
    with Image.open(folder / "overlays.png") as picture:
        assert picture.size[0] > 300
    page = (folder / "training.html").read_text(encoding="utf-8")
    assert bundle.facts.name in page
    assert "data:image/png" in page


@pytest.mark.parametrize("family", FAMILIES)
def test_a_network_ends_calibrated_or_says_why_not(family: str, trained: dict[str, Path]) -> None:
    """After four steps no network finds a heart: where that is needed to calibrate, it is said."""
    figures = read_bundle(trained[family]).facts.eval_metrics
    warnings = json.loads((trained[family] / "training.json").read_text())["warnings"]
    found = {"lge": "temperature", "lvquant": "interval_subjects", "activation": "interval_level"}[family] in figures
    assert found == (not warnings)
    assert found or "is not known: calibration: expected at least" in warnings[0]
    assert found or family != "activation"


@pytest.mark.parametrize("family", FAMILIES)
def test_settings_come_back_from_the_file_and_from_the_network(family: str, trained: dict[str, Path]) -> None:
    trainer = TRAINERS[family]
    whole = settings_of_file(trainer, trained[family] / "settings.yaml")
    like = settings_of_network(trainer, str(trained[family]))
    for key in ("calibration_slices", "calibration_hearts"):
        if family != "activation" and hasattr(like, key):
            like = dataclasses.replace(like, **{key: getattr(whole, key)})
    assert whole == like
    again = train(family, trained[family], dataclasses.asdict(whole), registration=OFF)
    assert again.reused


def test_a_bundles_settings_as_yaml_are_accepted(trained: dict[str, Path], tmp_path: Path) -> None:
    config = json.loads((trained["lge"] / "model.json").read_text())["config"]
    (tmp_path / "lge.yaml").write_text(yaml.safe_dump(config))
    assert settings_of_file(TRAINERS["lge"], tmp_path / "lge.yaml").validation_slices == 4


def test_labelled_stacks_that_teach_nothing_are_said(tmp_path: Path) -> None:
    labelled = write_labelled("lge", tmp_path / "labelled")
    done = train("lge", tmp_path / "out", TINY["lge"] | {"synthetic_share": 1.0}, labelled=labelled, registration=OFF)
    assert "the labelled stacks taught nothing" in done.facts["warnings"][0]


def test_settings_of_another_family_are_refused_by_name(trained: dict[str, Path]) -> None:
    for family, other in (("lge", "lvquant"), ("lvquant", "activation"), ("activation", "lge")):
        with pytest.raises(InputError, match=f"settings of a training of {family}, found those of another"):
            settings_of_network(TRAINERS[family], str(trained[other]))


@pytest.mark.parametrize("family", FAMILIES)
def test_labelled_subjects_are_learned_from_and_named_nowhere(family: str, tmp_path: Path) -> None:
    labelled = write_labelled(family, tmp_path / "labelled")
    done = train(family, tmp_path / "out", TINY[family], labelled=labelled, registration=OFF)
    assert done.facts["split"] == {"train": 2, "validation": 1, "test": 0}
    assert len(done.facts["labelled_sha256"]) == 64
    assert not [name for name, data in content(tmp_path / "out").items() if b"PATIENT" in data]
    # other data, another training
    file = next(path for path in sorted(labelled.rglob("*")) if path.is_file())
    file.with_name(f"PATIENT9{file.suffix}" if family == "lge" else f"PATIENT9.{file.suffix}").write_bytes(b"")
    with pytest.raises(InputError):
        train(family, tmp_path / "out", TINY[family], labelled=labelled, registration=OFF)
    assert read_bundle(tmp_path / "out").sha256 == done.sha256


@pytest.mark.parametrize(
    ("family", "file", "part"),
    [
        ("lge", "images/PATIENT1.nii.gz", "image"),
        ("lge", "masks/PATIENT1.nii.gz", "labels"),
        ("lvquant", "PATIENT1.mat", "cine"),
        ("activation", "PATIENT1.npz", "strain"),
    ],
)
def test_a_labelled_subject_that_cannot_be_read_is_said_by_its_number(
    family: str, file: str, part: str, tmp_path: Path
) -> None:
    labelled = write_labelled(family, tmp_path / "labelled")
    (labelled / file).write_bytes(b"none of that")
    with pytest.raises(InputError, match=f"^labelled subject 2: {part}: expected") as raised:
        train(family, tmp_path / "out", TINY[family], labelled=labelled, registration=OFF)
    assert "PATIENT" not in str(raised.value)


def test_onsets_of_a_labelled_subject_are_said_by_its_number(tmp_path: Path) -> None:
    """Files of one name in every subject's folder do not tell which it is."""
    labelled = write_labelled("activation", tmp_path / "labelled")
    for path in sorted(labelled.iterdir()):
        (labelled / path.stem).mkdir()
        path.rename(labelled / path.stem / "strain.npz")
    (labelled / "PATIENT2" / "tos.csv").write_text("none of that")
    with pytest.raises(InputError, match="^labelled subject 3: strain and tos.csv: expected") as raised:
        train("activation", tmp_path / "out", TINY["activation"], labelled=labelled, registration=OFF)
    assert "PATIENT" not in str(raised.value)


_KILLED = """
import os, signal, sys
from pathlib import Path
from cardioscar.stages.training.rail import train
from cardioscar.stages.training.registration import Registration
from tests.stages.training.tiny import changed
def on_step(part, done, of):
    if part == "train" and done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
if __name__ == "__main__":
    settings = changed(sys.argv[1], checkpoint_seconds=0.0)
    train(sys.argv[1], sys.argv[2], settings, registration=Registration("off"), on_step=on_step)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("family", "dies_at"), [("lge", 3), ("lvquant", 3), ("activation", 6)])
def test_a_training_that_is_killed_goes_on(family: str, dies_at: int, trained: dict[str, Path], tmp_path: Path) -> None:
    words = [sys.executable, "-c", _KILLED, family, str(tmp_path / "out"), str(dies_at)]
    killed = subprocess.run(words, check=False, cwd=Path(__file__).parents[3], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.checkpoint").is_file()
    heard: list[int] = []
    settings = changed(family, checkpoint_seconds=0.0)
    train(
        family, tmp_path / "out", settings, registration=OFF,
        on_step=lambda part, done, _: heard.append(done) if part == "train" else None,
    )  # fmt: skip
    assert heard[0] == dies_at + 1
    weights = "model.safetensors"
    assert (tmp_path / "out" / weights).read_bytes() == (trained[family] / weights).read_bytes()
    assert hidden(tmp_path) == []


def test_a_training_killed_while_it_is_calibrated_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    def dies(part: str, *_: int) -> None:
        if part == "calibrate":
            raise KeyboardInterrupt

    settings = changed("lge", checkpoint_seconds=0.0)
    with pytest.raises(KeyboardInterrupt):
        train("lge", tmp_path / "out", settings, registration=OFF, on_step=dies)
    heard: list[int] = []
    train(
        "lge", tmp_path / "out", settings, registration=OFF,
        on_step=lambda part, done, _: heard.append(done) if part == "train" else None,
    )  # fmt: skip
    assert heard == [4]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_of_other_labelled_files_is_not_gone_on_from(family: str, tmp_path: Path) -> None:
    labelled, settings = write_labelled(family, tmp_path / "labelled"), changed(family, checkpoint_seconds=0.0)
    heard: list[int] = []

    def dies(part: str, done: int, _: int) -> None:
        if part == "train" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(family, tmp_path / "out", settings, labelled=labelled, registration=OFF, on_step=dies)
    for first, second in zip(sorted(labelled.rglob("PATIENT0*")), sorted(labelled.rglob("PATIENT1*")), strict=True):
        first.write_bytes(second.read_bytes())  # the same ids, other files
    train(
        family, tmp_path / "out", settings, labelled=labelled, registration=OFF,
        on_step=lambda part, done, _: heard.append(done) if part == "train" else None,
    )  # fmt: skip
    assert heard[0] == 1


def test_other_weights_at_the_same_address_make_another_training(trained: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(trained["lvquant"], tmp_path / "start")
    settings = TINY["lvquant"] | {"start_from": str(tmp_path / "start")}
    first = train("lvquant", tmp_path / "out", settings, registration=OFF)
    assert train("lvquant", tmp_path / "out", settings, registration=OFF).reused
    train("lvquant", tmp_path / "start", TINY["lvquant"] | {"seed": 1}, registration=OFF)
    second = train("lvquant", tmp_path / "out", settings, registration=OFF)
    assert not second.reused
    assert second.sha256 != first.sha256


@pytest.mark.parametrize("family", FAMILIES)
def test_a_training_that_diverges_leaves_and_registers_nothing(family: str, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    wild = changed(family, schedule={"name": "constant", "peak": 1e30}, checkpoint_seconds=0.0)
    with pytest.raises(DivergedError, match="learning_rate: expected a"):
        train(family, tmp_path / "out", wild, registration=Registration(uri, "net"))
    assert [path.name for path in tmp_path.iterdir()] == []


def test_a_bad_labelled_folder_is_one_clear_error_and_the_checkpoint_stays(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / ".out.checkpoint").write_bytes(b"hours of work")
    for labelled, message in (
        (tmp_path / "nowhere", "labelled folder: expected a folder, found no such folder"),
        (tmp_path / "empty", "labelled folder: expected labelled subjects, found an empty folder"),
    ):
        with pytest.raises(InputError, match=message):
            train("lge", tmp_path / "out", TINY["lge"], labelled=labelled, registration=OFF)
    (tmp_path / "empty" / "notes.txt").write_text("none")
    for family, message in (
        ("lge", "labelled folder: expected images/ and masks/, or a folder for each subject"),
        ("lvquant", "labelled folder: expected .mat files of LVQuan"),
        ("activation", "labelled subject 1: strain: expected a file or folder of strain"),
    ):
        with pytest.raises(InputError, match=message):
            train(family, tmp_path / "out", TINY[family], labelled=tmp_path / "empty", registration=OFF)
    assert (tmp_path / ".out.checkpoint").read_bytes() == b"hours of work"
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else_is_not_replaced(trained: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="out: expected a new or empty folder, .* found one with 1 other file"):
        train("lge", tmp_path, TINY["lge"], registration=OFF)
    (tmp_path / "notes.txt").rename(tmp_path / "settings.yaml")
    with pytest.raises(ConfigError, match="out: expected a new or empty folder"):
        train("lge", tmp_path, TINY["lge"], registration=OFF)
    assert (tmp_path / "settings.yaml").read_text() == "mine"


def _told(folder: Path) -> dict[str, Any]:
    """Settings as they are recorded, which name no folder."""
    files = content(folder)
    assert not [name for name, data in files.items() if b"mueller" in data]
    recorded = json.loads(files["training.json"])["settings"]
    assert yaml.safe_load(files["settings.yaml"]) == recorded
    return dict(recorded)


def test_the_network_that_a_training_starts_from_is_recorded_by_its_hash(
    trained: dict[str, Path], tmp_path: Path
) -> None:
    source, moved, out = tmp_path / "mueller", tmp_path / "elsewhere", tmp_path / "out"
    shutil.copytree(trained["lvquant"], source)
    first = train("lvquant", out, TINY["lvquant"] | {"start_from": str(source)}, registration=OFF)
    assert first.sha256 != read_bundle(source).sha256
    named = f"sha256:{read_bundle(source).sha256}"
    assert _told(out)["start_from"] == named
    source.rename(moved)
    assert train("lvquant", out, TINY["lvquant"] | {"start_from": str(moved)}, registration=OFF).reused
    with pytest.raises(ConfigError, match="start_from: expected a path or address of weights, found sha256:…"):
        train("lvquant", out, TINY["lvquant"] | {"start_from": named}, registration=OFF)


def test_published_weights_are_recorded_by_their_hash(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from safetensors.torch import save_file

    from cardioscar.lge.network.build import network_of
    from cardioscar.lge.network.scar_net import ScarNet
    from cardioscar.lge.network.specs import named_spec

    network = network_of(named_spec("scar_net", "tiny", pixels=(32, 32)))
    assert isinstance(network, ScarNet)
    weights = tmp_path / "mueller.safetensors"
    save_file({f"vision_encoder.{name}": one for name, one in network.encoder.vit.state_dict().items()}, weights)
    settings = changed("lge", steps=2) | {"architecture": "scar_net", "published": str(weights)}
    first = train("lge", tmp_path / "out", settings, registration=OFF)
    assert _told(tmp_path / "out")["published"] == f"sha256:{file_sha256(weights)}"
    other = {f"vision_encoder.{name}": one + 0.01 for name, one in network.encoder.vit.state_dict().items()}
    save_file(other, weights)  # at the same address
    again = train("lge", tmp_path / "out", settings, registration=OFF)
    assert not again.reused
    assert again.sha256 != first.sha256


def test_other_settings_replace_an_earlier_training_as_a_whole(tmp_path: Path) -> None:
    first = train("activation", tmp_path / "out", TINY["activation"], registration=OFF)
    other = train("activation", tmp_path / "out", TINY["activation"] | {"seed": 1}, registration=OFF)
    assert not other.reused
    assert other.sha256 != first.sha256
    assert yaml.safe_load((tmp_path / "out" / "settings.yaml").read_text())["seed"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": 5}, "lge train: expected one of the keys"),
        ({"calibration_slices": 0}, "calibration_slices: expected at least 1"),
        ({"published": "nowhere.safetensors"}, "published: expected a file of weights, found no such file"),
        ({"published": "gs://x/y"}, "published: expected a folder, file:// or s3://"),
    ],
)
def test_settings_that_cannot_be_are_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        train("lge", tmp_path / "out", TINY["lge"] | options, registration=OFF)
    with pytest.raises(ConfigError, match="family: expected lge, lvquant, activation"):
        train("scar3d", tmp_path / "out")


@pytest.mark.slow
def test_a_training_is_recorded_and_registered(
    trained: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("alembic")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    # what was trained without a server is recorded without a second training
    done = train("lge", trained["lge"], TINY["lge"], registration=Registration(uri))
    assert (done.reused, done.registered) == (True, "")
    client = connect(TrackingTarget(uri))
    [run] = client.search_runs([client.get_experiment_by_name(NETWORKS).experiment_id])
    assert run.data.params["loop.steps"] == "4"
    assert run.data.tags["cs.kind"] == "network"
    assert len(client.get_metric_history(run.info.run_id, "train/loss")) == 4
    assert [one.step for one in client.get_metric_history(run.info.run_id, "validation/scar_dice")] == [2, 4]
    paths = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert paths == {
        "model.json", "model.safetensors", "curves.json", "training.html", "training.json", "settings.yaml", "overlays",
    }  # fmt: skip
    assert client.search_model_versions("") == []
    done = train("lge", trained["lge"], TINY["lge"], registration=Registration(uri, "segmenter", ("champion",)))
    assert done.registered == "models:/segmenter/1"
    assert len(client.search_runs([run.info.experiment_id])) == 1
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert bundle_at("models:/segmenter@champion", "lge").sha256 == done.sha256


@pytest.mark.parametrize(
    ("registration", "message"),
    [
        (Registration("off", "net"), "tracking URI: expected --tracking-uri or MLFLOW_TRACKING_URI, to register"),
        (Registration("sqlite:///x.db", "a/b"), "model name: expected"),
        (Registration("sqlite:///x.db", "cardioscar-scar3d"), "model name: expected"),
        (Registration("sqlite:///x.db", "net", ("latest",)), "alias: expected"),
        (Registration("sqlite:///x.db", "", ("champion",)), "alias: expected the name of a registered model"),
        (Registration("ftp://x", "net"), "tracking URI: expected http"),
    ],
)
def test_what_cannot_be_registered_is_said_before_the_training(
    registration: Registration, message: str, tmp_path: Path
) -> None:
    began = time.monotonic()
    with pytest.raises(InputError, match=message):
        train("lvquant", tmp_path / "out", registration=registration)
    assert time.monotonic() - began < 10
    assert not (tmp_path / "out").exists()


def test_labelled_data_and_output_may_lie_in_an_object_store(bucket: S3Place, tmp_path: Path) -> None:
    labelled, store = write_labelled("activation", tmp_path / "labelled"), Store.connect()
    for name, data in content(labelled).items():
        store.write(bucket / f"data/{name}", data)
    out = bucket / "nets/activation"

    def learn() -> Trained:
        return train("activation", str(out), TINY["activation"], labelled=f"{bucket}/data", registration=OFF)

    done = learn()
    assert sorted(one.relative for one in store.files(out)) == sorted(FILES)
    assert bundle_at(str(out), "activation").sha256 == done.sha256
    local = train("activation", tmp_path / "out", TINY["activation"], labelled=labelled, registration=OFF)
    assert local.facts["labelled_sha256"] == done.facts["labelled_sha256"]
    weights = store.read(out / "model.safetensors")
    assert weights == (tmp_path / "out/model.safetensors").read_bytes()
    assert learn().reused
    store.write(out / "notes.txt", b"mine")
    with pytest.raises(ConfigError, match="out: expected a prefix of its own, .* found one with 1 other object"):
        learn()
    with pytest.raises(InputError, match="labelled folder: expected labelled subjects, found no objects"):
        train("lge", tmp_path / "x", TINY["lge"], labelled=f"{bucket}/nothing", registration=OFF)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["lge", "activation"])
def test_a_checkpoint_in_a_store_outlives_the_machine(
    family: str, bucket: S3Place, trained: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_output, "SEND_SECONDS", 0.0)
    out, store = bucket / family, Store.connect()
    settings, dies_at = changed(family, checkpoint_seconds=0.0), {"lge": 3, "activation": 7}[family]

    def dies(part: str, done: int, _: int) -> None:
        if part == "train" and done == dies_at:
            raise RuntimeError("the machine is gone")

    with pytest.raises(RuntimeError):
        train(family, str(out), settings, registration=OFF, on_step=dies)
    assert {one.relative.partition("t.")[0] for one in store.files(out)} <= {".checkpoint", ".checkpoin"}
    heard: list[int] = []
    train(
        family, str(out), settings, registration=OFF,
        on_step=lambda part, done, _: heard.append(done) if part == "train" else None,
    )  # fmt: skip
    assert heard[0] == dies_at + 1
    assert sorted(one.relative for one in store.files(out)) == sorted(FILES)
    assert store.read(out / "model.safetensors") == (trained[family] / "model.safetensors").read_bytes()


def test_the_network_that_is_learned_by_default_needs_no_extra() -> None:
    assert TRAINERS["lge"].settings().architecture == "residual_encoder"
    code = (
        "import sys; sys.modules['transformers'] = sys.modules['monai'] = None\n"
        "from cardioscar.lge.network.build import network_of\n"
        "from cardioscar.lge.network.specs import named_spec\n"
        "from cardioscar.stages.training.settings import LgeSettings\n"
        "settings = LgeSettings()\n"
        "print(type(network_of(named_spec(settings.architecture, settings.size))).__name__)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout.strip()) == (0, "ResidualEncoder"), said.stderr


def test_what_lacks_a_library_names_the_extra_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match="scar_net: expected transformers, the extra 'lge' of cardioscar"):
        train("lge", tmp_path / "out", TINY["lge"] | {"architecture": "scar_net"}, registration=OFF)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_example_of_a_components_options_is_a_setting(family: str) -> None:
    text = (Path(__file__).parents[3] / f"components/training/train_{family}/component.py").read_text(encoding="utf-8")
    [example] = re.findall(r"such as (\{.*\})\.", text)
    settings = settings_with(TRAINERS[family], json.loads(example), where="options")
    loop = settings.network.loop if family == "activation" else settings.loop
    assert loop.steps == 5000
