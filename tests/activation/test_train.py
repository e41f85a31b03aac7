"""Networks of late activation from settings to a bundle, whole, killed, and with labelled strain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cardioscar.activation.formats.heart_files import write_heart
from cardioscar.activation.formats.matrix_files import write_matrix
from cardioscar.activation.formats.onset_files import write_heart_onsets
from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.stored import Members, read_ensemble, single_of
from cardioscar.activation.network.train_config import TrainConfig
from cardioscar.activation.phantoms.strain_phantom import heart_phantom, strain_phantom
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.train import read_labelled, train_activation
from cardioscar.errors import ConfigError, InputError
from cardioscar.learning.bundle import read_bundle, save_bundle
from cardioscar.learning.loop_config import LoopConfig
from cardioscar.learning.schedules import ScheduleConfig

LOOP = LoopConfig(
    steps=4, schedule=ScheduleConfig(name="constant", peak=4e-3), validate_every=2, watch="loss", device="cpu"
)
NETWORK = ActivationNetworkConfig(width=4, batch=4, loop=LOOP)
SMALL = TrainConfig(
    members=2,
    single_tasks=False,
    training_hearts=8,
    validation_hearts=4,
    calibration_hearts=10,
    test_hearts=4,
    validation=0.4,
    network=NETWORK,
)
UNSEEN = strain_phantom(3_000_000).measured


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    for number in range(3):
        write_matrix(folder / f"patient{number}.npz", strain_phantom(3_000_100 + number).measured)
    return folder


def test_a_training_makes_a_bundle_that_says_the_same(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    trained = train_activation(tmp_path / "bundle", SMALL, on_step=lambda *step: told.append(step))
    assert told == [(n, 8) for n in range(1, 9)]
    facts = read_bundle(tmp_path / "bundle").facts
    assert facts.config["training_hearts"] == 8
    assert {"loss", "tos_error_ms", "class_accuracy", "interval_level"} <= set(facts.eval_metrics)
    best = [dict(one.curves.validation)[one.best_step]["loss"] for one in trained.results]
    assert facts.eval_metrics["loss"] == pytest.approx(np.mean(best))
    assert trained.curves.losses[0] == pytest.approx(np.mean([one.curves.losses[0] for one in trained.results]))
    method = read_ensemble(tmp_path / "bundle")
    found, again = method.predict(UNSEEN), method.predict(UNSEEN)
    assert (found.low_ms <= found.tos_ms).all()
    assert (found.tos_ms <= found.high_ms).all()
    own = [one.network for one in trained.results]
    np.testing.assert_array_equal(found.tos_ms, again.tos_ms)
    for mine, stored in zip(own, method.ensemble.networks, strict=True):
        assert all((a == b).all() for a, b in zip(mine.parameters(), stored.parameters(), strict=True))


@pytest.mark.parametrize("dies_at", [3, 6])
def test_a_training_that_is_killed_goes_on_to_the_same_weights(tmp_path: Path, dies_at: int) -> None:
    whole = train_activation(tmp_path / "whole", SMALL).bundle.stored.weights_bytes
    often = replace(SMALL, network=replace(NETWORK, loop=replace(LOOP, checkpoint_seconds=0.0)))

    def killed(done: int, _: int) -> None:
        if done == dies_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_activation(tmp_path / "part", often, checkpoint=tmp_path / "at", on_step=killed)
    told: list[int] = []
    resumed = train_activation(
        tmp_path / "part", often, checkpoint=tmp_path / "at", on_step=lambda done, _: told.append(done)
    )
    assert told[0] == dies_at + 1
    assert resumed.bundle.stored.weights_bytes == whole
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("at")] == []


def test_labelled_subjects_are_split_and_learned_from(tmp_path: Path, labelled: Path) -> None:
    trained = train_activation(tmp_path / "bundle", SMALL, labelled=labelled)
    assert trained.split is not None
    assert trained.split.counts == {"train": 2, "validation": 1, "test": 0}
    assert "patient" not in trained.bundle.stored.description_bytes.decode()
    alone = train_activation(tmp_path / "alone", SMALL)
    assert trained.bundle.stored.weights_bytes != alone.bundle.stored.weights_bytes


def test_networks_of_one_task_are_kept_beside_and_predict_nothing(tmp_path: Path) -> None:
    told: list[int] = []
    made = train_activation(
        tmp_path / "bundle", replace(SMALL, single_tasks=True), on_step=lambda done, of: told.append(of)
    )
    assert {*told} == {16}
    single = single_of(read_bundle(tmp_path / "bundle"))
    assert {*single} == {"onset", "class"}
    plain = train_activation(tmp_path / "plain", SMALL)
    found, other = (read_ensemble(tmp_path / name).predict(UNSEEN) for name in ("bundle", "plain"))
    np.testing.assert_array_equal(found.tos_ms, other.tos_ms)
    assert single_of(plain.bundle) == {}
    figures = made.bundle.facts.eval_metrics
    assert 0 < figures["unseen_tos_error_ms"] < 200
    assert 0 <= figures["unseen_coverage"] <= 1


def test_corrected_tables_of_onsets_are_learned_from(tmp_path: Path) -> None:
    slices = [one.measured for one in heart_phantom(5, heights=(0.4, 0.6))]
    (tmp_path / "P1").mkdir()
    write_heart(tmp_path / "P1" / "strain.npz", [replace(one, tos_ms=None, scarred=None) for one in slices])
    onsets = [
        SectorOnsets(one.tos_ms, one.tos_ms - 9, one.tos_ms + 9, np.where(one.scarred, 2, 0))
        for one in slices
        if one.tos_ms is not None
    ]
    write_heart_onsets(tmp_path / "P1" / "tos.csv", onsets)
    [found] = read_labelled(tmp_path).values()
    for one, other in zip(found, slices, strict=True):
        np.testing.assert_allclose(one.tos_ms, other.tos_ms, atol=0.05 + 1e-6)
        np.testing.assert_array_equal(one.scarred, other.scarred)
    write_heart_onsets(tmp_path / "P1" / "tos.csv", onsets[:1])
    with pytest.raises(InputError, match=r"tos.csv: expected onsets of 2 slices, found 1"):
        read_labelled(tmp_path)
    (tmp_path / "P1" / "strain.npz").unlink()
    with pytest.raises(InputError, match=r"one strain.\* beside each tos.csv, found 0"):
        read_labelled(tmp_path)


def test_strain_without_onset_or_scar_is_refused(tmp_path: Path) -> None:
    write_matrix(tmp_path / "one.npz", replace(UNSEEN, scarred=None))
    with pytest.raises(InputError, match=r"one.npz: expected onset \(tos_ms\) and scar"):
        read_labelled(tmp_path)
    write_matrix(tmp_path / "one.npz", UNSEEN)
    with pytest.raises(InputError, match="labelled folder: expected at least two subjects"):
        train_activation(tmp_path / "x", SMALL, labelled=tmp_path)
    with pytest.raises(InputError, match="labelled folder: expected a folder, found none"):
        train_activation(tmp_path / "x", SMALL, labelled=tmp_path / "nowhere")


def test_a_training_that_diverges_writes_nothing(tmp_path: Path) -> None:
    wild = replace(SMALL, network=replace(NETWORK, loop=replace(LOOP, schedule=ScheduleConfig("constant", peak=1e30))))
    with pytest.raises(InputError, match="learning_rate: expected a"):
        train_activation(tmp_path / "bundle", wild)
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("wrong", [{"members": 0}, {"level": 1.0}, {"network": ActivationNetworkConfig(tasks="onset")}])
def test_settings_that_cannot_be_are_refused(wrong: dict) -> None:
    with pytest.raises(ConfigError):
        TrainConfig(**wrong)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"architecture": "cine_net"}, "a network 'activation_net'"),
        ({"intensity": "percent"}, "the rule for strain"),
        ({"eval_metrics": {}}, "the scale of the intervals"),
        ({"spec": {"members": 2, "width": 5}}, "spec: expected width"),
        ({"spec": {"members": 2}}, "spec: expected members and width"),
        ({"spec": {"members": 1, "width": 4, "single": ["class", "class"]}}, "a task of its own, each once"),
        ({"spec": {"members": 1, "width": 4, "single": ["both"]}}, "a task of its own, each once"),
    ],
)
def test_bundles_of_other_networks_are_refused(tmp_path: Path, changed: dict, rule: str) -> None:
    made = train_activation(tmp_path / "bundle", replace(SMALL, members=1))
    facts = replace(made.bundle.facts, **changed)
    save_bundle(tmp_path / "other", Members((made.results[0].network,)), facts)
    with pytest.raises(InputError, match=rule):
        read_ensemble(tmp_path / "other")
