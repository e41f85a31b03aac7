from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cardioscar.activation.baselines.scar_rule import ScarRule
from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.inputs import GRID_MS, TIMES, network_input
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.network.prediction import NetworkMethod, closed_labels
from cardioscar.activation.network.training import Examples, examples_of, train_network
from cardioscar.activation.phantoms.config import StrainPhantomConfig
from cardioscar.activation.phantoms.strain_phantom import strain_phantom
from cardioscar.errors import ConfigError, InputError
from tests.activation.drawn_strain import beat

SMALL = ActivationNetworkConfig(width=4, batch=4)
PHANTOMS = [strain_phantom(seed) for seed in range(12)]


def examples(phantoms) -> Examples:
    return examples_of([one.measured for one in phantoms], [one.classes for one in phantoms])


def with_steps(config: ActivationNetworkConfig, steps: int, **changes) -> ActivationNetworkConfig:
    return replace(config, loop=replace(config.loop, steps=steps, validate_every=0, device="cpu", **changes))


def test_the_input_is_strain_at_the_times_of_the_grid():
    one = beat(sectors=126, frames=20, interval_ms=30)
    strain, share, shown = network_input(one)
    times = GRID_MS * np.arange(TIMES)
    np.testing.assert_allclose(strain[:, times == 300] * 0.1, one.circumferential[:, [9]], atol=1e-6)
    np.testing.assert_array_equal(strain[:, 0], 0)  # the R wave is the reference
    assert share.min() == pytest.approx(-1, abs=0.1)
    np.testing.assert_array_equal(shown[0], (times >= 30) & (times <= 600))
    np.testing.assert_allclose(strain[:, -1] * 0.1, one.circumferential[:, -1], atol=1e-6)


def test_the_input_hardly_depends_on_the_sequence():
    fine = beat(sectors=126, frames=40, interval_ms=15)
    coarse = replace(fine, circumferential=fine.circumferential[:, 1::2], frame_ms=fine.frame_ms[1::2])
    # straight lines between frames 30 ms apart, of a sine of 0.2 over 600 ms, in units of 0.1
    assert np.abs(network_input(fine)[0] - network_input(coarse)[0]).max() < 0.03
    # the edges of the first and last sector, where the drawn wall has a corner
    assert np.abs(network_input(beat(18))[0] - network_input(beat(126))[0]).max() < 0.1


def test_the_network_is_closed_along_sectors():
    torch.manual_seed(0)
    network = ActivationNetwork(SMALL).eval()
    values = torch.from_numpy(network_input(PHANTOMS[0].measured))[None]
    with torch.no_grad():
        onset, logits = network(values)
        turned_onset, turned_logits = network(torch.roll(values, 37, dims=2))
    # sums in another order
    torch.testing.assert_close(turned_onset, torch.roll(onset, 37, dims=1), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(turned_logits, torch.roll(logits, 37, dims=2), atol=1e-4, rtol=1e-4)
    assert onset.shape == (1, 126)
    assert logits.shape == (1, 3, 126)


def test_single_tasks_have_one_head():
    values = torch.zeros(2, 3, 126, TIMES)
    onset, logits = ActivationNetwork(replace(SMALL, tasks="onset"))(values)
    assert onset is not None
    assert logits is None
    onset, logits = ActivationNetwork(replace(SMALL, tasks="class"))(values)
    assert onset is None
    assert logits is not None


def test_training_learns_onset_and_class():
    config = StrainPhantomConfig(noise=(0.002, 0.004), weak=0)
    training = examples([strain_phantom(1000 + seed, config) for seed in range(60)])
    unseen = [strain_phantom(seed, config) for seed in range(12)]
    result = train_network(training, examples(unseen), with_steps(replace(SMALL, batch=8), 30))
    assert result.stop_reason == "completed"
    [(_, figures)] = result.curves.validation
    spread = np.abs(examples(unseen).tos_ms - np.median(training.tos_ms)).mean()
    assert figures["tos_error_ms"] < 0.75 * spread  # better than to say the same onset always
    most = max(np.bincount(examples(unseen).classes.ravel())) / examples(unseen).classes.size
    assert figures["class_accuracy"] > most + 0.05  # and than to call all sectors normal


def test_a_training_is_the_same_again_and_after_a_kill(tmp_path):
    config = with_steps(SMALL, 6, checkpoint_seconds=0.0)
    known = examples(PHANTOMS)
    whole = train_network(known, known, config)
    checkpoint = tmp_path / "checkpoint"

    def killed(step: int, _: int) -> None:
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_network(known, known, config, checkpoint=checkpoint, identity="a", on_step=killed)
    resumed = train_network(known, known, config, checkpoint=checkpoint, identity="a")
    assert resumed.curves.losses == whole.curves.losses
    for one, other in zip(resumed.network.parameters(), whole.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_predictions_keep_the_floor_and_the_number_of_sectors():
    torch.manual_seed(0)
    network = ActivationNetwork(SMALL).eval()
    with torch.no_grad():
        network.onset.bias.fill_(-100.0)
    one = PHANTOMS[0].measured
    found = NetworkMethod(network).predict(one)
    np.testing.assert_array_equal(found.tos_ms, one.frame_ms[0])
    assert (found.scarred == (found.classes == 2)).all()
    few = NetworkMethod(network).predict(one.with_sectors(18))
    assert few.tos_ms.shape == few.classes.shape == (18,)
    alone = ActivationNetwork(replace(SMALL, tasks="onset")).eval()
    assert set(NetworkMethod(alone, ScarRule()).predict(one).classes) <= {0, 1, 2}
    with pytest.raises(InputError, match="scar_rule: expected a rule of scar beside a network that has not learned it"):
        NetworkMethod(alone).predict(one)
    kinds = NetworkMethod(ActivationNetwork(replace(SMALL, tasks="class")).eval()).predict(one)
    assert np.isnan(kinds.tos_ms).all()


def test_labels_are_closed_and_without_spikes():
    probabilities = np.zeros((3, 126))
    probabilities[0] = 0.5
    probabilities[1, 120:] = probabilities[1, :20] = 0.9
    probabilities[1, 5] = 0.1  # a gap of one sector
    probabilities[2, 60:62] = 0.9  # an island of two
    probabilities[2, 70:100] = 0.9
    labels = closed_labels(probabilities)
    assert set(np.flatnonzero(labels == 1)) == {*range(120, 126), *range(20)}
    assert set(np.flatnonzero(labels == 2)) == set(range(70, 100))


def test_what_cannot_be_learned_from():
    one = PHANTOMS[0]
    with pytest.raises(InputError, match="a class for each of one slice and more, found 0 for 1"):
        examples_of([one.measured], [])
    with pytest.raises(InputError, match="phantom: expected an onset and a class of each of 126 sectors"):
        examples_of([replace(one.measured, tos_ms=None)], [one.classes])
    with pytest.raises(ConfigError, match="width: expected a multiple of 4, found 6"):
        ActivationNetworkConfig(width=6)
    with pytest.raises(ConfigError, match="batch: expected 1 and more"):
        ActivationNetworkConfig(batch=0)
    with pytest.raises(ConfigError, match="onset_weight: expected a weight of 0 and more"):
        ActivationNetworkConfig(onset_weight=-1)
