"""Published weights of an image encoder from a file, a store and the registry make the same network, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from cardioscar.errors import ConfigError, InputError
from cardioscar.lge.network.specs import named_spec
from cardioscar.services.store.object_store import S3Place, Store
from cardioscar.services.tracking.client import TrackingTarget
from cardioscar.services.tracking.trained_models import TrainedModel, record_trained_model
from cardioscar.stages.networks import registry_at
from cardioscar.stages.training.rail import train
from cardioscar.stages.training.registration import Registration
from cardioscar.stages.training.weights_file import weights_file
from tests.lge.network.test_medsam import published
from tests.stages.training.tiny import TINY

SCAR_NET: dict[str, Any] = TINY["lge"] | {
    "architecture": "scar_net", "frozen": ["encoder.vit"], "loop": TINY["lge"]["loop"] | {"steps": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the published names, for the tiny encoder, made on a grid of another size."""
    path = tmp_path_factory.mktemp("published") / "vit.safetensors"
    save_file(published(named_spec("scar_net", "tiny").encoder, 8), path)  # type: ignore[union-attr]
    return path


def registered(target: TrackingTarget, files: dict[str, Path], *, name: str = "medsam") -> str:
    """Register files as they are and return their address."""
    return f"models:/{name}/{record_trained_model(target, name, TrainedModel(files, key=name, aliases=('vit',)))}"


def test_a_training_starts_from_weights_of_the_registry_and_of_a_store(
    weights: Path, tmp_path: Path, bucket: S3Place
) -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("alembic")
    target = TrackingTarget(f"sqlite:///{tmp_path}/mlflow.db")
    (tmp_path / "README.md").write_text("whose they are")
    address = registered(target, {weights.name: weights, "README.md": tmp_path / "README.md"})
    Store.connect().write(bucket / "nets/vit.safetensors", weights.read_bytes())
    places = {"file": str(weights), "store": f"{bucket / 'nets/vit.safetensors'}", "registry": address}
    hashes, recorded = set(), set()
    for name, place in places.items():
        with registry_at(target.uri):
            done = train("lge", tmp_path / name, SCAR_NET | {"published": place}, registration=Registration("off"))
        hashes.add(done.sha256)
        recorded.add(done.facts["settings"]["published"])
    # named by what they hold: where they lay is recorded nowhere
    [one] = recorded
    assert one.startswith("sha256:")
    assert len(hashes) == 1
    learned = load_file(tmp_path / "registry" / "model.safetensors")
    given = load_file(weights)
    assert (learned["encoder.vit.layers.0.mlp.lin1.weight"] == given["image_encoder.blocks.0.mlp.lin1.weight"]).all()


def test_a_version_is_named_by_number_or_alias_and_holds_one_file_of_weights(weights: Path, tmp_path: Path) -> None:
    pytest.importorskip("alembic")
    target = TrackingTarget(f"sqlite:///{tmp_path}/mlflow.db")
    address = registered(target, {"vit.pth": weights})
    two = registered(target, {"a.pth": weights, "b.pt": weights}, name="two")
    (tmp_path / "notes.txt").write_text("no weights")
    empty = registered(target, {"notes.txt": tmp_path / "notes.txt"}, name="empty")
    with registry_at(target.uri):
        for known in (address, "models:/medsam@vit"):
            with weights_file(known, where="published") as path:
                assert path is not None
                assert path.read_bytes() == weights.read_bytes()
            assert not path.exists()
        for wrong, found in ((two, "2"), (empty, "none")):
            with (
                pytest.raises(InputError, match=f"published: expected a version with one file of .*, found {found}"),
                weights_file(wrong, where="published"),
            ):
                pass
        with pytest.raises(InputError, match="registry: expected version 9 of"):
            weights_file("models:/medsam/9", where="published").__enter__()
    with pytest.raises(ConfigError, match="published: expected models:/name/version"):
        weights_file("models:/medsam/newest", where="published").__enter__()


def test_weights_are_never_fetched_from_elsewhere() -> None:
    with pytest.raises(ConfigError, match="published: expected a folder, file:// or s3://, found an address https://"):
        weights_file("https://example.org/medsam.pth", where="published").__enter__()
