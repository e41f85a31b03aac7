from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.activation.strain.sector_onsets import SectorOnsets


def drawn(sectors: int, seed: int = 0) -> SectorOnsets:
    random = np.random.default_rng(seed)
    tos_ms = random.uniform(20, 150, sectors)
    return SectorOnsets(tos_ms, tos_ms - random.uniform(0, 20, sectors), tos_ms + 15, random.integers(0, 3, sectors))


@given(seed=st.integers(0, 1000), sectors=st.integers(6, 200))
def test_other_numbers_of_sectors_keep_mean_and_order(seed, sectors):
    one = drawn(126, seed)
    other = one.with_sectors(sectors)
    assert other.sectors == len(other.classes) == sectors
    np.testing.assert_allclose(other.tos_ms.mean(), one.tos_ms.mean())
    assert (other.low_ms <= other.tos_ms + 1e-9).all()
    assert (other.tos_ms <= other.high_ms).all()
    assert set(other.classes) <= set(one.classes)


def test_a_moved_onset_takes_its_interval_along():
    one = drawn(12)
    tos_ms = one.tos_ms.copy()
    tos_ms[[3, 7]] = one.high_ms[3] + 40, 2.0
    brought, moved = SectorOnsets(tos_ms, one.low_ms, one.high_ms, one.classes).moved_with_onset()
    assert np.flatnonzero(moved).tolist() == [3, 7]
    np.testing.assert_allclose(brought.high_ms[3] - brought.low_ms[3], one.high_ms[3] - one.low_ms[3])
    np.testing.assert_allclose((brought.high_ms[3] + brought.low_ms[3]) / 2, tos_ms[3])
    assert brought.low_ms[7] == 0  # nothing lies before the R wave
    np.testing.assert_array_equal(brought.low_ms[~moved], one.low_ms[~moved])
