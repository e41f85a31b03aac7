"""Indices of beating ventricles against their closed forms: below 1 % and a tenth of a millimetre."""

from __future__ import annotations

import numpy as np
import pytest

from cardioscar.lvquant.cine_indices import cine_indices, indices_of_shares
from cardioscar.lvquant.sectors import SECTOR_MIDDLES, septum_frame
from cardioscar.lvquant.thickening import segment_thickness_mm, thickening_percent
from cardioscar.lvquant.volumes import MYOCARDIUM_G_PER_ML, stack_volumes
from cardioscar.phantom.beating import BeatingVentricle
from cardioscar.phantom.beating_cine import CineProtocol, image_beat
from cardioscar.phantom.beating_section import section

HEART = BeatingVentricle(hypokinetic_rad=-2.0, hypokinesia=0.7, twist_deg=8)


@pytest.mark.parametrize(("phase", "height"), [(0.0, 50.0), (0.2, 40.0), (0.36, 55.0)])
@pytest.mark.parametrize("pixel_mm", [(1.4, 1.4), (1.2, 1.7)])
def test_eleven_indices_of_a_section(phase: float, height: float, pixel_mm: tuple[float, float]) -> None:
    """A slice so thin that the ventricle does not change through it: the section itself."""
    protocol = CineProtocol(
        frames=2, pixel_mm=pixel_mm, distance_mm=height / 0.25, thickness_mm=0.02, first_phase=phase, slices=1
    )
    images = image_beat(HEART, protocol, fine=16)
    assert images.heights_mm[0] == pytest.approx(height)
    grid = images.cavity
    septum = septum_frame(grid.grid, septum_direction=HEART.septum_direction)
    found = indices_of_shares(images.cavity.values, images.wall.values, grid, septum=septum)
    ring = section(HEART, height, phase)
    assert ring is not None
    assert found.cavity_mm2[0, 0] == pytest.approx(ring.cavity_mm2, rel=0.003)
    assert found.myocardium_mm2[0, 0] == pytest.approx(ring.myocardium_mm2, rel=0.005)
    np.testing.assert_allclose(found.dimensions_mm[0, 0], ring.dimension_mm, atol=0.1)
    expected = [ring.sector_thickness_mm(middle) for middle in SECTOR_MIDDLES]
    np.testing.assert_allclose(found.thickness_mm[0, 0], expected, atol=0.1)


def test_a_stack_over_the_beat() -> None:
    protocol = CineProtocol(frames=6, pixel_mm=(2.0, 2.0), distance_mm=9.0, first_phase=0.36 - 2 / 6)
    images = image_beat(HEART, protocol)
    septum = septum_frame(images.cavity.grid, septum_direction=HEART.septum_direction)
    found = indices_of_shares(images.cavity.values, images.wall.values, images.cavity, septum=septum)
    volumes = stack_volumes(found)
    phases = protocol.phases
    expected = np.array([HEART.state(float(phase)).cavity_ml for phase in phases])
    np.testing.assert_allclose(volumes.volume_ml, expected, rtol=0.01)
    assert volumes.es_frame == 2
    assert volumes.esv_ml == pytest.approx(HEART.esv_ml, rel=0.01)
    assert volumes.ef_percent == pytest.approx(100 * (1 - expected[2] / expected.max()), abs=0.3)
    assert volumes.mass_g == pytest.approx(HEART.wall_ml * MYOCARDIUM_G_PER_ML, rel=0.01)
    assert found.systole is not None
    np.testing.assert_array_equal(found.systole[1:], np.isin(np.arange(1, 6), [1, 2]))
    thickening = thickening_percent(found, volumes.ed_frame, 2)
    # the hypokinetic direction, -2 rad (115° inferior): mid segments inferior (10) and inferolateral (11)
    assert np.nanmax(thickening[[9, 10]]) < 0.6 * np.nanmin(thickening[[6, 7]])
    assert np.isfinite(segment_thickness_mm(found, 0)).all()
    whole = stack_volumes(cine_indices(images.labels, septum=septum))
    assert whole.ef_percent == pytest.approx(volumes.ef_percent, abs=4)  # a whole slice at the base counts or does not
