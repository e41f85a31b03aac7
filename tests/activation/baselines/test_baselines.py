from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.activation.baselines.active_contour import ActiveContour, closed_path
from cardioscar.activation.baselines.method import OnsetMethod, Prediction, calibrated
from cardioscar.activation.baselines.peak_time import PeakTime
from cardioscar.activation.baselines.scar_rule import ScarRule, fitted_scar_rule
from cardioscar.activation.baselines.scores import score
from cardioscar.activation.baselines.threshold import StrainThreshold
from cardioscar.activation.phantoms.config import StrainPhantomConfig
from cardioscar.activation.phantoms.strain_phantom import strain_phantom
from cardioscar.errors import InputError

QUIET = StrainPhantomConfig(noise=(0.001, 0.002), weak=0, lost_frames=(0, 0), interval_ms=(15, 20))
PLAIN = replace(QUIET, scar=0, block=1)
METHODS: list[OnsetMethod] = [StrainThreshold(), PeakTime(), ActiveContour()]
TRAINING = [strain_phantom(seed, PLAIN).measured for seed in range(100, 106)]
UNSEEN = [strain_phantom(seed, PLAIN).measured for seed in range(6)]


@pytest.mark.parametrize("method", METHODS, ids=lambda one: type(one).__name__)
def test_on_quiet_curves_each_method_tells_late_from_early(method):
    known = calibrated(method, TRAINING)
    for one in UNSEEN:
        found = known.predict(one)
        assert found.tos_ms.shape == (126,)
        assert found.tos_ms.min() >= one.frame_ms[0]
        assert np.corrcoef(found.tos_ms, one.tos_ms)[0, 1] > 0.75
        assert not found.scarred.any()
    errors = np.concatenate([np.abs(known.tos_ms(one) - one.tos_ms) for one in UNSEEN])
    # one offset stands for the time to the peak, which differs by 115 ms between the slowest and the fastest hearts
    assert errors.mean() < (115 / 3 if isinstance(method, PeakTime) else 8)


@pytest.mark.parametrize("method", METHODS, ids=lambda one: type(one).__name__)
def test_turning_the_sectors_turns_the_prediction(method):
    one = UNSEEN[0]
    found, turned = method.tos_ms(one), method.tos_ms(one.turned(40))
    # a closed line may have several of the same energy, a step of the grid apart
    np.testing.assert_allclose(turned, np.roll(found, -40), atol=5.001)


@pytest.mark.parametrize("method", METHODS, ids=lambda one: type(one).__name__)
def test_the_offset_is_learned_without_bias_and_the_floor_holds(method):
    known = calibrated(method, TRAINING)
    errors = np.concatenate([one.tos_ms - known.shown_ms(one) - known.offset_ms for one in TRAINING])
    assert abs(np.median(errors)) < 1e-6
    early = replace(method, offset_ms=-1000.0)
    np.testing.assert_array_equal(early.tos_ms(UNSEEN[0]), UNSEEN[0].frame_ms[0])
    with pytest.raises(InputError, match="slices with a known time of onset"):
        calibrated(method, [replace(UNSEEN[0], tos_ms=None)])


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), sectors=st.integers(2, 5), times=st.integers(2, 4))
def test_the_closed_line_is_the_best_of_all(seed, sectors, times):
    random = np.random.default_rng(seed)
    energy = random.normal(size=(sectors, times))
    bending = np.abs(np.subtract.outer(np.arange(times), np.arange(times))) * random.uniform(0, 1)
    bending[bending > 2 * bending[0, 1]] = np.inf

    def whole(path):
        steps = sum(bending[a, b] for a, b in zip(path, np.roll(path, -1), strict=True))
        return sum(energy[sector, time] for sector, time in enumerate(path)) + steps

    best = min(whole(path) for path in itertools.product(range(times), repeat=sectors))
    assert whole(closed_path(energy, bending)) == pytest.approx(best)


def test_the_line_bridges_a_sector_that_shows_nothing():
    one = UNSEEN[1]
    spoilt = one.circumferential.copy()
    spoilt[50:54] = np.random.default_rng(0).normal(0, 0.01, (4, one.frames))
    line = ActiveContour().shown_ms(replace(one, circumferential=spoilt))
    np.testing.assert_allclose(line[50:54], ActiveContour().shown_ms(one)[50:54], atol=15)


def test_scar_is_told_by_its_strain():
    config = replace(QUIET, scar=1, block=0, late_region=0, living_share=(0, 0.2))
    phantoms = [strain_phantom(seed, config) for seed in range(8)]
    rule = fitted_scar_rule([one.measured for one in phantoms[:4]])
    right = [(rule.scarred(one.measured) == one.measured.scarred).mean() for one in phantoms[4:]]
    assert min(right) > 0.93
    for one in TRAINING[:1]:
        with pytest.raises(InputError, match="slices with scarred and with living sectors, found others"):
            fitted_scar_rule([one])
    assert not ScarRule().scarred(UNSEEN[0]).any()


def test_scores_by_hand():
    found = Prediction(np.array([10.0, 50, 80, 90]), np.array([0, 0, 0, 1], dtype=bool), np.array([0, 0, 1, 2]))
    scores = score([found], [np.array([10.0, 60, 60, 50])], [np.array([0, 1, 1, 2])])
    assert scores.tos_error_ms == pytest.approx(70 / 4)
    assert scores.living_tos_error_ms == pytest.approx(10)
    assert (scores.late_precision, scores.late_recall, scores.late_dice) == (1.0, 0.5, pytest.approx(2 / 3))
    assert (scores.scar_accuracy, scores.scar_dice, scores.class_accuracy) == (1.0, 1.0, 0.75)
    with pytest.raises(InputError, match="one truth for each prediction, found 0 for 1"):
        score([found], [], [])
