from __future__ import annotations

import numpy as np
import pytest

from cardioscar.imaging.labels import Label
from cardioscar.lge.inference.config import RulesConfig
from cardioscar.lge.inference.rules import mended, ring_share, within_half_rings, within_likely_ends
from tests.lge.inference.stand_in import heart

SHAPE = (60, 60, 6)


def opened(share: float) -> np.ndarray:
    """A slice whose ring is open over a share of its turn."""
    plane = heart((60, 60, 1), center=(30.0, 30.0), scar=0.0)[..., 0]
    i, j = np.indices(plane.shape)
    turn = (np.arctan2(j - 30, i - 30) / (2 * np.pi)) % 1
    plane[(plane == Label.MYOCARDIUM) & (turn < share)] = 0
    return plane


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_the_share_of_a_ring_is_that_of_its_turn(share: float) -> None:
    assert ring_share(opened(share)) == pytest.approx(1 - share, abs=0.05)


def test_a_slice_without_cavity_has_no_ring() -> None:
    assert ring_share(np.full((5, 5), Label.MYOCARDIUM, np.uint8)) == 0


def test_open_slices_at_the_ends_go_and_those_between_stay() -> None:
    labels = heart(SHAPE, center=(30.0, 30.0))
    for k, share in {0: 0.7, 2: 0.7, 4: 0.4, 5: 0.8}.items():
        labels[..., k] = opened(share)
    found = within_half_rings(labels)
    assert [bool(found[..., k].any()) for k in range(6)] == [False, True, True, True, True, False]
    np.testing.assert_array_equal(found[..., 1:5], labels[..., 1:5])


def test_the_tip_of_the_apex_without_cavity_stays() -> None:
    labels = heart(SHAPE, center=(30.0, 30.0))
    labels[..., 0] = np.where(labels[..., 0] == Label.BLOOD_POOL, Label.MYOCARDIUM, labels[..., 0])
    np.testing.assert_array_equal(within_half_rings(labels), labels)


def test_the_rule_is_reported_and_can_be_left_out() -> None:
    labels = heart(SHAPE, center=(30.0, 30.0))
    labels[..., 5] = opened(0.8)
    only = {"one_ring": False, "likely_ends": False, "scar_in_wall": False, "islands": False, "continuity": False}
    found, [report] = mended(labels, np.array([1.5, 1.5, 8.0]), RulesConfig(**only))
    assert (report.rule, report.slices, report.pixels) == ("half_ring", (5,), int((labels[..., 5] > 0).sum()))
    assert not found[..., 5].any()
    kept, reports = mended(labels, np.array([1.5, 1.5, 8.0]), RulesConfig(**only, half_ring=False))
    np.testing.assert_array_equal(kept, labels)
    assert reports == ()


def test_ends_that_are_more_likely_wrong_than_right_go() -> None:
    labels = heart(SHAPE, center=(30.0, 30.0))
    probability = np.stack([labels == label for label in Label]).astype(np.float32)
    for k, sure in {0: 0.4, 2: 0.3, 5: 0.45}.items():
        probability[..., k] = sure * probability[..., k]
        probability[Label.BACKGROUND, ..., k] += 1 - sure
    found = within_likely_ends(labels, probability)
    # with p everywhere in a region the expected Dice is 2p / (1 + p): 0.57 at 0.4, and 0.46 at 0.3
    assert [bool(found[..., k].any()) for k in range(6)] == [True] * 6
    probability[..., 0] = probability[..., 2]
    found = within_likely_ends(labels, probability)
    assert [bool(found[..., k].any()) for k in range(6)] == [False, True, True, True, True, True]
    np.testing.assert_array_equal(within_likely_ends(labels, None), labels)


def test_a_network_that_is_sure_of_nothing_keeps_its_heart() -> None:
    labels = heart(SHAPE, center=(30.0, 30.0))
    probability = np.stack([0.25 * (labels == label) for label in Label]).astype(np.float32)
    np.testing.assert_array_equal(within_likely_ends(labels, probability), labels)
