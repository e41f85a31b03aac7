"""The verdict on a segmentation, by what is known of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cardioscar.imaging.labels import Label
from cardioscar.lge.inference.config import InferConfig
from cardioscar.lge.inference.segment import segment
from cardioscar.lge.quantification.config import QuantifyConfig
from cardioscar.lge.summary import Evidence, evidence, verdict
from tests.lge.inference.stand_in import heart, segmenter, stack

CPU = InferConfig(views=1, device="cpu")


@pytest.fixture(scope="module")
def clear() -> Evidence:
    found = segment(stack(heart((80, 80, 5), center=(40, 40))), segmenter(), CPU)
    sure = np.stack([found.labels == label for label in Label]).astype(np.float32)
    found = dataclasses.replace(found, probability=sure)
    return evidence(found, QuantifyConfig(draws=50))


def test_a_clear_heart_passes_and_warnings_ask_for_a_look(clear: Evidence) -> None:
    assert verdict(clear) == verdict(clear, calibrated=True)
    assert verdict(clear).verdict == "pass"
    assert verdict(clear, ["the file has no frame"]).reasons == ("the file has no frame",)
    assert verdict(clear, calibrated=False).reasons == ("the network's probabilities are not calibrated",)


def test_doubt_in_most_slices_fails_and_slices_are_named_once(clear: Evidence) -> None:
    unsure = "wall or cavity uncertain (expected Dice 0.5)"

    def doubted(slices: int, dice: float) -> Evidence:
        some = [
            dataclasses.replace(one, reasons=(unsure,), heart_dice=dice) if k < slices else one
            for k, one in enumerate(clear.doubt)
        ]
        return dataclasses.replace(clear, doubt=tuple(some))

    found = verdict(doubted(3, 0.5))
    assert found.verdict == "fail"
    numbers = ", ".join(str(one.number) for one in clear.doubt[:3])
    assert found.reasons == (
        "wall or cavity cannot be relied on in 3 of 5 slices",
        f"slices {numbers}: wall or cavity uncertain",
    )
    assert verdict(doubted(2, 0.5)).verdict == "review"
    assert verdict(doubted(5, 0.8)).verdict == "review"


def test_a_wide_interval_of_the_scar_and_dark_blood_ask_for_a_look(clear: Evidence) -> None:
    scar = dataclasses.replace(clear.measured.scar_ml, lower=1.0, mean=5.0, upper=11.0)
    wide = dataclasses.replace(clear, measured=dataclasses.replace(clear.measured, scar_ml=scar))
    assert verdict(wide).reasons == ("the scar volume is uncertain (1.0 to 11.0 ml)",)
    image = clear.found.grid.image
    turned = dataclasses.replace(image, values=-np.asarray(image.values))
    grid = dataclasses.replace(clear.found.grid, image=turned)
    dark = dataclasses.replace(clear, found=dataclasses.replace(clear.found, grid=grid))
    [reason] = verdict(dark).reasons
    assert reason.startswith("the cavity is darker than living wall: is the contrast inverted")
