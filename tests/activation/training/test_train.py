from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from cardioscar.activation.formats.heart_files import write_heart
from cardioscar.activation.formats.onset_files import write_heart_onsets
from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.stored import read_ensemble
from cardioscar.activation.phantoms.config import StrainPhantomConfig
from cardioscar.activation.phantoms.strain_phantom import heart_phantom
from cardioscar.activation.strain.sector_class import SectorClass
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.train import train_activation
from cardioscar.activation.training.config import TrainConfig
from cardioscar.activation.training.labelled import read_labelled
from cardioscar.config import file_sha256
from cardioscar.errors import ConfigError, InputError


def tiny(steps: int = 12, **changes: object) -> TrainConfig:
    network = ActivationNetworkConfig(width=4, batch=4)
    loop = replace(network.loop, steps=steps, validate_every=6, device="cpu", checkpoint_seconds=0.0)
    sizes = {"hearts": 16, "validation_hearts": 4, "calibration_hearts": 12, "test_hearts": 6, "members": 2}
    return TrainConfig(**sizes | changes, network=replace(network, loop=loop))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ensemble") / "bundle"
    train_activation(folder, tiny())
    return folder


def test_what_is_written_is_read_again_and_says_the_same(trained):
    first = train_activation(trained.parent / "other", tiny())
    again, one = read_ensemble(trained), heart_phantom(7)[0].measured
    found, other = again.calibrated.predict(one), first.stored.calibrated.predict(one)
    for name in ("tos_ms", "low_ms", "high_ms", "classes"):
        np.testing.assert_array_equal(getattr(found, name), getattr(other, name))
    assert (found.low_ms <= found.tos_ms).all()
    assert (found.tos_ms <= found.high_ms).all()
    assert {*again.single} == {"onset", "class"}
    assert len(again.calibrated.ensemble.networks) == 2
    assert again.sha256 == first.stored.sha256  # equal settings, equal bytes
    figures = again.bundle.facts.eval_metrics
    assert 0.6 < figures["coverage"] <= 1
    assert 0 < figures["tos_error_ms"] < 60
    assert file_sha256(trained / "model.safetensors") == file_sha256(trained.parent / "other" / "model.safetensors")


def test_a_killed_training_goes_on_and_ends_the_same(trained, tmp_path):
    class KilledError(Exception):
        pass

    def kill(done: int, total: int) -> None:
        assert total == 48
        if done == 17:  # within the second network
            raise KilledError

    checkpoint = tmp_path / "checkpoint"
    with pytest.raises(KilledError):
        train_activation(tmp_path / "bundle", tiny(), checkpoint=checkpoint, on_step=kill)
    assert not (tmp_path / "bundle").exists()
    steps: list[int] = []
    train_activation(tmp_path / "bundle", tiny(), checkpoint=checkpoint, on_step=lambda done, _: steps.append(done))
    assert steps[0] == 12
    assert 16 < steps[1] <= 18  # the first network is kept, the second resumed
    assert (tmp_path / "bundle" / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()
    assert [one.name for one in tmp_path.iterdir()] == ["bundle"]


def _changed(trained: Path, folder: Path, **changes: object) -> Path:
    folder.mkdir()
    said = json.loads((trained / "model.json").read_text())
    for key, value in changes.items():
        said[key] = said[key] | value if isinstance(value, dict) else value
    (folder / "model.json").write_text(json.dumps(said))
    (folder / "model.safetensors").write_bytes((trained / "model.safetensors").read_bytes())
    return folder


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"architecture": "cine-net"}, "expected a network 'activation-ensemble', found another architecture"),
        ({"spec": {"tasks": ["onset"]}}, "networks of which one and more know onset and class"),
        ({"spec": {"tasks": ["both"]}}, "the weights of the architecture"),
        ({"spec": {"width": 5}}, "a width of 4 to 512, a multiple of 4"),
        ({"spec": {"interval": {"level": 0.9}}}, "the scale of the intervals"),
        (
            {"spec": {"interval": {"level": 1.5, "floor_ms": 1, "living": 1, "scarred": 1}}},
            "the scale of the intervals",
        ),
        ({"format": "another"}, "'cardioscar bundle 1'"),
    ],
)
def test_others_are_refused_by_name(trained, tmp_path, changes, rule):
    with pytest.raises(InputError, match=rule):
        read_ensemble(_changed(trained, tmp_path / "b", **changes))


def test_weights_that_are_others_or_not_finite_are_refused(trained, tmp_path):
    folder = _changed(trained, tmp_path / "b")
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {"0.joined.bias": torch.full_like(weights["0.joined.bias"], torch.nan)}, folder / "w")
    (folder / "w").replace(folder / "model.safetensors")
    with pytest.raises(InputError, match="the weights that model.json describes, found another sha256"):
        read_ensemble(folder)
    with pytest.raises(InputError, match="model.json"):
        read_ensemble(tmp_path / "nothing")


def _write_subject(folder: Path, seed: int, *, corrected: bool) -> None:
    folder.mkdir(parents=True)
    slices = heart_phantom(seed, StrainPhantomConfig(), heights=(0.4, 0.6))
    stripped = [replace(one.measured, tos_ms=None, scarred=None) for one in slices]
    write_heart(folder / "strain.npz", stripped)
    if corrected:
        times = [one.measured.tos_ms for one in slices]
        onsets = [SectorOnsets(t, t - 5, t + 5, one.classes) for t, one in zip(times, slices, strict=True)]
        write_heart_onsets(folder / "tos.csv", onsets)


def test_labelled_hearts_are_learned_from_and_split_by_subject(tmp_path):
    for number in range(4):
        _write_subject(tmp_path / "hearts" / f"P{number}", 50 + number, corrected=True)
    found = read_labelled(tmp_path / "hearts")
    assert [one.subject for one in found] == ["P0", "P1", "P2", "P3"]
    truth = heart_phantom(50, StrainPhantomConfig(), heights=(0.4, 0.6))
    np.testing.assert_allclose(found[0].slices[1].tos_ms, truth[1].measured.tos_ms, atol=0.05)
    np.testing.assert_array_equal(found[0].classes[0], truth[0].classes)
    made = train_activation(tmp_path / "bundle", tiny(single_tasks=False), labelled=tmp_path / "hearts")
    assert made.split is not None
    assert made.split.counts == {"train": 3, "validation": 1, "test": 0}
    facts = made.stored.bundle.facts
    assert facts.split_sha256 == made.split.sha256
    assert "labelled" in facts.data_source
    assert not made.stored.single


def test_labelled_hearts_without_onsets_are_refused(tmp_path):
    with pytest.raises(InputError, match="a folder for each subject, found none"):
        read_labelled(tmp_path)
    _write_subject(tmp_path / "P1", 1, corrected=False)
    with pytest.raises(InputError, match="times of onset, in the file or in a tos.csv beside it"):
        read_labelled(tmp_path)
    write_heart_onsets(tmp_path / "P1" / "tos.csv", [_flat()])
    with pytest.raises(InputError, match="tos.csv: expected onsets of 2 slices, found 1"):
        read_labelled(tmp_path)


def _flat() -> SectorOnsets:
    times = np.full(126, 40.0)
    return SectorOnsets(times, times - 5, times + 5, np.full(126, int(SectorClass.NORMAL)))


@pytest.mark.parametrize("wrong", [{"members": 0}, {"level": 1.0}, {"validation": 1.0}, {"calibration_hearts": 3}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError):
        tiny(**wrong)
    with pytest.raises(ConfigError, match="both"):
        TrainConfig(network=ActivationNetworkConfig(tasks="onset"))
