from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.imaging.labels import Label
from cardioscar.lge.inference.by_signal import thresholded
from cardioscar.lge.inference.config import InferConfig
from cardioscar.lge.inference.doubt import doubts, expected_dice
from cardioscar.lge.inference.segment import segment
from tests.lge.inference.stand_in import GREY, NO_RULES, GreyNet, heart, segmenter, stack

CPU = InferConfig(views=1, device="cpu")


def test_clear_slices_need_no_look_and_doubtful_ones_say_why() -> None:
    clear = heart((80, 80, 5), center=(40, 40))
    image = stack(clear)
    # in slice 3 scar is as grey as half scar, half muscle: the network cannot tell
    middle = (GREY[Label.SCAR] + GREY[Label.BLOOD_POOL]) / 2
    image.values[..., 3][clear[..., 3] == Label.SCAR] = 100 * middle + 300
    found = segment(image, segmenter(network=GreyNet(sharpness=1.0)), CPU)
    judged = doubts(found)
    assert [one.number for one in judged] == list(found.grid.image.slice_numbers)
    worst = min(judged, key=lambda one: one.scar_dice or 0)
    k = judged.index(worst)
    assert np.array_equal(found.grid.image.values[..., k], image.values[..., 3])
    assert worst.look
    assert any("scar uncertain" in one for one in worst.reasons)
    assert not any("scar uncertain" in reason for one in judged if one is not worst for reason in one.reasons)


def test_a_slice_without_a_heart_between_others_is_to_be_looked_at() -> None:
    labels = heart((80, 80, 5), center=(40, 40))
    labels[..., 2] = 0
    image = stack(labels)
    # three levels, so that the median is the middle one wherever the window lies
    image.values[..., 2] = 300 + 100 * (np.add.outer(np.arange(80) // 4, np.arange(80) // 4) % 3 - 1)
    found = segment(image, segmenter(), InferConfig(views=1, device="cpu", rules=NO_RULES))
    assert doubts(found)[2].reasons == ("no heart found between slices that show it",)
    assert doubts(found)[2].heart_dice is None


def test_an_open_ring_and_much_mending_are_said() -> None:
    labels = heart((80, 80, 3), center=(40, 40), scar=0)
    labels[40:, 36:44, 1][labels[40:, 36:44, 1] == Label.MYOCARDIUM] = 0
    labels[8:22, 8:22, 2] = Label.MYOCARDIUM
    said = [" ".join(one.reasons) for one in doubts(segment(stack(labels), segmenter(), CPU))]
    assert sum("the ring of the wall is open" in one for one in said) == 1
    assert sum("rules of anatomy changed" in one for one in said) == 1


@given(st.integers(0, 2**32 - 1))
def test_the_expected_dice_is_the_mean_over_truths(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random((40, 40))
    mask = p > 0.5
    truths = rng.random((200, 40, 40)) < p
    dice = 2 * (truths & mask).sum(axis=(1, 2)) / (truths.sum(axis=(1, 2)) + mask.sum())
    # 200 draws of 1,600 independent pixels: a standard error below 0.001
    assert expected_dice(mask, p) == pytest.approx(dice.mean(), abs=0.005)


def test_the_threshold_rules_stand_beside_the_network_in_the_wall_that_was_found() -> None:
    truth = heart((80, 80, 3), center=(40, 40))
    image = stack(truth)
    noisy = np.random.default_rng(0).normal(0, 15, image.values.shape)
    image.values[...] += np.where(np.isin(truth, (1, 3)), noisy, 0).astype(np.float32)
    found = segment(image, segmenter(), CPU)
    fwhm, nsd = thresholded(found.grid.image, found.labels)
    assert (fwhm.rule, nsd.rule) == ("fwhm", "nsd")
    scar_ml = (truth == Label.SCAR).sum() * image.voxel_ml
    for one in (fwhm, nsd):
        # blood beside the wall is as bright as scar at its edge
        assert one.scar_ml == pytest.approx(scar_ml, rel=0.35)
        assert one.labels is not None
        assert set(np.unique(one.labels[found.labels == Label.BLOOD_POOL])) == {Label.BLOOD_POOL}
    tiny = np.zeros_like(found.labels)
    tiny[40, 40:44, 0] = Label.MYOCARDIUM
    refused = thresholded(found.grid.image, tiny)
    assert all(one.scar_ml is None and "at least 20 pixels" in one.why_not for one in refused)
