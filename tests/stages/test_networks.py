"""Networks by their address: the same bundle from a folder, an object store and the registry, and what is none."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from torch import nn

from cardioscar.errors import ConfigError, InputError
from cardioscar.learning.bundle import DESCRIPTION, WEIGHTS, save_bundle
from cardioscar.learning.bundle_facts import BundleFacts, DataFormat
from cardioscar.services.store.object_store import S3Place, Store
from cardioscar.services.tracking.client import TrackingTarget
from cardioscar.services.tracking.trained_models import TrainedModel, record_trained_model
from cardioscar.stages import networks
from cardioscar.stages.networks import bundle_at, registry_at, resolve_network


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = DataFormat("magnitude", {"0": "slice"}, modality="LGE")
    labels = DataFormat("segmentation", {"0": "background", "1": "bright"})
    facts = BundleFacts(
        name="bright", task="Finds what is bright.", architecture="convolution", spec={}, inputs={"image": image},
        outputs={"labels": labels}, intensity="0 to 1", config={"steps": 1},
    )  # fmt: skip
    place = tmp_path_factory.mktemp("network") / "bright"
    save_bundle(place, nn.Conv2d(1, 2, 3), facts)
    return place


@dataclass(frozen=True)
class Applying:
    network: str = "shipped"
    views: int = 4


def test_settings_name_a_network_by_what_it_holds(folder: Path) -> None:
    config, bundle = resolve_network(Applying(str(folder), 2), "lge")
    assert config == Applying(f"sha256:{bundle.sha256}", 2)
    assert bundle.network("convolution", lambda _: nn.Conv2d(1, 2, 3)).weight.shape == (2, 1, 3, 3)


def test_the_network_that_ships_is_the_one_in_the_familys_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = folder.parent / "package"
    (package / "lge").mkdir(parents=True)
    (package / "lge/weights").symlink_to(folder)
    monkeypatch.setattr(networks, "_PACKAGE", package)
    assert bundle_at("shipped", "lge").sha256 == bundle_at(str(folder), "lge").sha256
    with pytest.raises(InputError, match="segmenter: expected a folder, s3:// or models:/ address of a network, found"):
        bundle_at("shipped", "lvquant", where="segmenter")


def test_a_network_comes_from_an_object_store(folder: Path, bucket: S3Place) -> None:
    store = Store.connect()
    for name in (DESCRIPTION, WEIGHTS):
        store.write(bucket / f"nets/one/{name}", (folder / name).read_bytes())
    assert bundle_at(f"{bucket / 'nets/one'}", "lge").sha256 == bundle_at(str(folder), "lge").sha256
    with pytest.raises(InputError, match=r"network: model.json: expected a network that .*, found no such object"):
        bundle_at(f"{bucket / 'nets/two'}", "lge")


def test_a_network_comes_from_the_registry_by_version_or_alias(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("alembic")
    target = TrackingTarget(f"sqlite:///{tmp_path}/mlflow.db")
    files = {name: folder / name for name in (DESCRIPTION, WEIGHTS)}
    record_trained_model(target, "bright", TrainedModel(files, key="k", aliases=("champion",)))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match="network: expected MLFLOW_TRACKING_URI"):
        bundle_at("models:/bright/1", "lge")
    local = bundle_at(str(folder), "lge").sha256
    with registry_at(target.uri):
        assert bundle_at("models:/bright/1", "lge").sha256 == local
        with registry_at(""):  # who has no server of its own asks that of its caller
            assert bundle_at("models:/bright/1", "lge").sha256 == local
    with pytest.raises(InputError, match="network: expected MLFLOW_TRACKING_URI"):
        bundle_at("models:/bright/1", "lge")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    with registry_at(target.uri):  # what is given counts before the environment
        assert bundle_at("models:/bright/1", "lge").sha256 == local
    monkeypatch.setenv("MLFLOW_TRACKING_URI", target.uri)
    assert bundle_at("models:/bright/1", "lge").sha256 == local
    assert bundle_at("models:/bright@champion", "lge").sha256 == local
    for wrong in ("models:/bright/2", "models:/bright@other", "models:/dark/1"):
        with pytest.raises(InputError, match="registry: expected version .* of a model of that name, found none"):
            bundle_at(wrong, "lge")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "network: expected shipped, a folder, s3:// or models:/ address of a network, found nothing"),
        ("gs://bucket/net", "network: expected a folder, file:// or s3://"),
        ("models:/bright/newest", "network: expected models:/name/version with a version number, or models:/name@"),
    ],
)
def test_addresses_of_another_form_are_refused(address: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bundle_at(address, "lge")


def test_what_is_no_network_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="network: expected a folder with a network that cardioscar trained, found no"):
        bundle_at(str(tmp_path / "nowhere"), "lge")
    (tmp_path / DESCRIPTION).write_bytes((folder / DESCRIPTION).read_bytes())
    with pytest.raises(InputError, match=r"network: model.safetensors: expected a network .*, found no such file"):
        bundle_at(str(tmp_path), "lge")
    (tmp_path / WEIGHTS).write_bytes(b"others")
    with pytest.raises(InputError, match=r"network: model.safetensors: expected the weights that model.json describes"):
        bundle_at(str(tmp_path), "lge")


def test_the_door_is_light() -> None:
    code = (
        "import sys, cardioscar.stages.networks;"
        "print({'torch', 'mlflow', 'boto3', 'numpy', 'scipy'} & {name.partition('.')[0] for name in sys.modules})"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


def test_a_network_at_hand_is_meant_by_what_it_holds(folder: Path) -> None:
    bundle = bundle_at(str(folder), "lge")
    name = f"sha256:{bundle.sha256}"
    with networks.held(bundle):
        assert bundle_at(name, "lge") is bundle
        assert resolve_network(Applying(name), "lge") == (Applying(name), bundle)
    with pytest.raises(InputError, match="network: expected a folder with"):
        bundle_at(name, "lge")
