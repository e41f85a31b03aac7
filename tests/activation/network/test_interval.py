from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cardioscar.activation.network.config import ActivationNetworkConfig
from cardioscar.activation.network.ensemble import Ensemble, train_ensemble
from cardioscar.activation.network.interval import CalibratedEnsemble, IntervalScale, calibrate_interval, coverage
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.network.training import examples_of
from cardioscar.activation.phantoms.strain_phantom import strain_phantom
from cardioscar.errors import ConfigError, InputError

SMALL = ActivationNetworkConfig(width=4, batch=4)


def untrained(*seeds: int) -> Ensemble:
    networks = []
    for seed in seeds:
        torch.manual_seed(seed)
        networks.append(ActivationNetwork(SMALL).eval())
    return Ensemble(tuple(networks))


def slices(first: int, count: int):
    return [strain_phantom(first + number).measured for number in range(count)]


UNSEEN = slices(70_000, 60)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_intervals_cover_onsets_of_unseen_slices_however_bad_the_networks(level):
    ensemble = untrained(0, 1)
    method = CalibratedEnsemble(ensemble, calibrate_interval(ensemble, slices(50_000, 60), level=level))
    found = [method.predict(one) for one in UNSEEN]
    share = coverage(found, [one.tos_ms for one in UNSEEN])
    # three standard deviations of the mean of 60 slices, and of 60 that it was calibrated on, each of at most 0.5
    spread = 3 * 0.5 * np.sqrt(2 / 60)
    assert level - spread <= share <= level + spread
    inside = [(one.low_ms <= one.tos_ms) & (one.tos_ms <= one.high_ms) for one in found]
    assert np.concatenate(inside).all()
    assert all((one.low_ms >= each.frame_ms[0]).all() for one, each in zip(found, UNSEEN, strict=True))


def test_an_ensemble_differs_by_its_seed_and_says_its_mean():
    examples = examples_of(
        [strain_phantom(seed).measured for seed in range(8)], [strain_phantom(seed).classes for seed in range(8)]
    )
    config = replace(SMALL, loop=replace(SMALL.loop, steps=3, validate_every=0, device="cpu"))
    ensemble = train_ensemble(examples, examples, config, members=2)
    alone = [Ensemble((one,)).opinion(UNSEEN[0]) for one in ensemble.networks]
    both = ensemble.opinion(UNSEEN[0])
    assert not np.allclose(alone[0].tos_ms, alone[1].tos_ms)
    assert (alone[0].spread_ms == 0).all()
    shown = (alone[0].tos_ms > UNSEEN[0].frame_ms[0]) & (alone[1].tos_ms > UNSEEN[0].frame_ms[0])
    assert shown.any()
    np.testing.assert_allclose(both.tos_ms[shown], (alone[0].tos_ms + alone[1].tos_ms)[shown] / 2)
    # of two values, the standard deviation is their distance by the root of two
    apart = np.abs(alone[0].tos_ms - alone[1].tos_ms)[shown]
    np.testing.assert_allclose(both.spread_ms[shown], apart / np.sqrt(2), atol=1e-4)
    np.testing.assert_array_equal(ensemble.predict(UNSEEN[0]).scarred, both.classes == 2)


def test_wide_where_networks_are_apart_and_where_scar_is_called():
    ensemble = untrained(0, 1, 2)
    method = CalibratedEnsemble(ensemble, IntervalScale(0.9, 5.0, 1.0, 3.0))
    opinion, found = ensemble.opinion(UNSEEN[0]), method.predict(UNSEEN[0])
    scale = np.where(opinion.classes == 2, 3.0, 1.0)
    np.testing.assert_allclose(found.high_ms - found.tos_ms, scale * (opinion.spread_ms + 5))
    few = method.predict(UNSEEN[0].with_sectors(18))
    assert few.sectors == 18


def test_what_cannot_be_calibrated():
    ensemble = untrained(0)
    with pytest.raises(InputError, match="9 slices and more to calibrate on, found 8"):
        calibrate_interval(ensemble, UNSEEN[:8])
    with pytest.raises(ConfigError, match="level: expected a share above 0 and below 1, found 90"):
        calibrate_interval(ensemble, UNSEEN, level=90)
    with pytest.raises(InputError, match=r"phantom: expected a known time of onset \(tos_ms\), found none"):
        calibrate_interval(ensemble, [replace(one, tos_ms=None) for one in UNSEEN])
    with pytest.raises(InputError, match="networks: expected one network and more"):
        Ensemble(())
    with pytest.raises(InputError, match="networks: expected one network and more that know onset and class"):
        Ensemble((ActivationNetwork(replace(SMALL, tasks="onset")),))
    with pytest.raises(InputError, match="members: expected 1 network and more, found 0"):
        train_ensemble(None, None, SMALL, members=0)
