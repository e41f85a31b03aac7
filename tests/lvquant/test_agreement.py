from __future__ import annotations

import numpy as np
import pytest

from cardioscar.errors import InputError
from cardioscar.lvquant.agreement import NAMES, FrameIndices, agreement

RNG = np.random.default_rng(0)
TRUTH = [FrameIndices(RNG.uniform(5, 50, (8, 11)), np.arange(8) < 3) for _ in range(4)]


def test_errors_of_each_index_and_of_the_phase() -> None:
    off = np.zeros(11)
    off[0], off[3] = 10.0, -2.0
    found = [FrameIndices(one.indices + off * (1 if n % 2 else -1), np.arange(8) < 4) for n, one in enumerate(TRUTH)]
    told = agreement(found, TRUTH)
    assert tuple(told.indices) == NAMES
    cavity = told.indices["cavity_mm2"]
    assert cavity.mae == pytest.approx(10)
    assert cavity.mae_sd == pytest.approx(0, abs=1e-9)
    assert cavity.bias == pytest.approx(0, abs=1e-9)
    deviation = 10 * np.sqrt(32 / 31)
    assert cavity.limits == pytest.approx((-1.959964 * deviation, 1.959964 * deviation))
    expected = np.corrcoef(*(np.concatenate([one.indices[:, 0] for one in side]) for side in (found, TRUTH)))[0, 1]
    assert cavity.pearson == pytest.approx(expected)
    assert told.mae == pytest.approx({"areas_mm2": 5.0, "dimensions_mm": 2 / 3, "thickness_mm": 0.0}, abs=1e-9)
    assert told.phase_error_percent == pytest.approx(100 / 8)
    assert (told.subjects, told.missing_frames) == (4, 0)


def test_what_was_not_found_is_counted_and_not_compared() -> None:
    found = [FrameIndices(one.indices.copy(), None) for one in TRUTH]
    found[0].indices[:3] = np.nan
    told = agreement(found, TRUTH)
    assert told.missing_frames == 3
    assert told.indices["IS_mm"].frames == 29
    assert told.indices["IS_mm"].mae == 0
    assert told.phase_error_percent is None


def test_cohorts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="a truth for each subject, found 3 and 4"):
        agreement(TRUTH[:3], TRUTH)
    short = [FrameIndices(one.indices[:5], None) for one in TRUTH]
    with pytest.raises(InputError, match="found 5 frames"):
        agreement(short, TRUTH)


def test_a_network_that_found_nothing_has_no_figures() -> None:
    told = agreement([FrameIndices(np.full((8, 11), np.nan), None) for _ in TRUTH], TRUTH)
    assert told.missing_frames == 32
    assert np.isnan(told.indices["cavity_mm2"].mae)
    assert np.isnan(told.mae["areas_mm2"])
