from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cardioscar.imaging.slices import SliceStack
from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.subject import make_phantom
from cardioscar.scar3d.observation.baselines import BASELINES, to_beat


@pytest.fixture(scope="module")
def fractions() -> SliceStack:
    return make_phantom(PhantomConfig(seed=100, nodes=1_000, scar="smooth"), 0).stack


def test_what_pixels_say_decides_which_interpolation_is_to_beat(fractions: SliceStack) -> None:
    labels = SliceStack(
        tuple(dataclasses.replace(s, values=(s.values >= 0.5).astype(np.float32)) for s in fractions), "labels"
    )
    assert to_beat(fractions).name == "log-odds"
    assert to_beat(labels).name == "shape-based interpolation"


@pytest.mark.parametrize("key", list(BASELINES))
def test_each_predicts_the_slices_it_saw(fractions: SliceStack, key: str) -> None:
    pixels = np.concatenate([s.pixel_centers_mm() for s in fractions])
    seen = np.concatenate([s.values[s.observed] for s in fractions])
    found = BASELINES[key].at(fractions, pixels)
    assert np.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 1
    # smoothing moves a border by less than a pixel, and one pixel in fifty lies at a border
    assert np.mean((found >= 0.5) != (seen >= 0.5)) < 0.02
