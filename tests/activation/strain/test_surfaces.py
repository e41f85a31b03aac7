from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.activation.formats.given import Given
from cardioscar.activation.formats.strain_files import read_strain
from cardioscar.activation.strain.surfaces import long_axis, surface_strain
from cardioscar.errors import GeometryError, InputError
from tests.activation.drawn_strain import half_ellipsoid

SEPTUM = np.array([-1.0, 0, 0])


def still(nodes: np.ndarray) -> np.ndarray:
    return nodes


@settings(max_examples=15)
@given(seed=st.integers(0, 1000))
def test_rigid_motion_is_no_strain(seed):
    random = np.random.default_rng(seed)
    turn, shift = np.linalg.qr(random.normal(size=(3, 3)))[0], random.uniform(-50, 50, 3)
    for one in surface_strain(half_ellipsoid([still, lambda x: x @ turn.T + shift]), SEPTUM, sectors=36):
        np.testing.assert_allclose(one.circumferential, 0, atol=1e-9)
        np.testing.assert_allclose(one.longitudinal, 0, atol=1e-9)


@settings(max_examples=15)
@given(across=st.floats(0.7, 1.1), along=st.floats(0.7, 1.1), twist=st.floats(-0.004, 0.004))
def test_contraction_is_exact_and_twist_is_no_strain_around(across, along, twist):
    def motion(nodes: np.ndarray) -> np.ndarray:
        angle = twist * nodes[:, 2]  # up to 0.32 rad at the apex
        x = nodes[:, 0] * np.cos(angle) - nodes[:, 1] * np.sin(angle)
        y = nodes[:, 0] * np.sin(angle) + nodes[:, 1] * np.cos(angle)
        return np.column_stack([across * x, across * y, along * nodes[:, 2]])

    for one in surface_strain(half_ellipsoid([still, motion]), SEPTUM, sectors=36):
        # the chords of 60 facets are shorter than their arcs by 5e-4, and a facet's edges twist by different angles
        np.testing.assert_allclose(one.circumferential[:, 1], (across**2 - 1) / 2, atol=1e-3)
    shortened = half_ellipsoid([still, lambda x: x * along])
    for one in surface_strain(shortened, SEPTUM, sectors=36):
        np.testing.assert_allclose(one.longitudinal[:, 1], (along**2 - 1) / 2, atol=1e-9)


def test_slices_lie_where_they_say_and_sectors_follow_the_septum():
    def motion(nodes: np.ndarray) -> np.ndarray:
        return nodes * np.where(nodes[:, 1] > 0, 0.8, 1.0)[:, None]  # y is towards the back

    slices = surface_strain(half_ellipsoid([still, motion]), SEPTUM, sectors=36, levels=(0.3, 0.7))
    assert [round(one.location_mm, 1) for one in slices] == [24.0, 56.0]
    # anterior is long axis × septum = z × -x = -y; sectors run through the inferior wall, which is +y
    np.testing.assert_array_equal(slices[1].circumferential[[2, 9, 15], 1].round(2), -0.18)
    np.testing.assert_array_equal(slices[1].circumferential[[20, 27, 33], 1].round(2), 0)


def test_the_axis_runs_from_the_apex_to_the_middle_of_the_opening():
    axis = long_axis(half_ellipsoid([still]))
    np.testing.assert_allclose(axis.direction, [0, 0, 1], atol=1e-9)
    np.testing.assert_allclose(axis.apex_mm, [0, 0, -80], atol=1e-9)
    assert axis.length_mm == pytest.approx(80)


def test_what_is_no_surface_of_a_ventricle_is_refused():
    surface = half_ellipsoid([still, still], around=12, along=6)
    rim = np.arange(1 + 4 * 12, 1 + 5 * 12)
    lid = np.column_stack([np.full(10, rim[0]), rim[1:-1], rim[2:]])
    with pytest.raises(GeometryError, match="a surface that is open at the base, found a closed one"):
        surface_strain(replace(surface, triangles=np.vstack([surface.triangles, lid])), SEPTUM)
    with pytest.raises(InputError, match="a reference frame of 0 to 1, found 2"):
        surface_strain(surface, SEPTUM, reference_frame=2)
    with pytest.raises(InputError, match="levels: expected shares of the length between 0 and 1, growing"):
        surface_strain(surface, SEPTUM, levels=(0.5, 0.2))
    with pytest.raises(GeometryError, match="a septum beside the long axis, found one along it"):
        surface_strain(surface, np.array([0, 0, 1.0]))
    half = surface.triangles[surface.nodes_mm[0][surface.triangles].mean(axis=1)[:, 0] > 0]
    with pytest.raises(GeometryError, match="a surface around the whole circumference"):
        surface_strain(replace(surface, triangles=half), SEPTUM)


@pytest.mark.real
def test_a_healthy_human_endocardium_has_peaks_in_the_physiological_range(data_dir):
    slices = read_strain(
        data_dir / "bivme_patient1" / "vtk", Given(first_ms=0.0, interval_ms=36.0, septum=(-0.74, -0.55, 0.4))
    )
    assert [one.circumferential.shape for one in slices] == [(126, 25)] * 3
    for one in slices:
        mean, along = one.circumferential.mean(axis=0), one.longitudinal.mean(axis=0)
        # Endocardium of healthy hearts: around -0.22 to -0.34, along -0.16 to -0.24, as Lagrangian strain by feature
        # tracking; Green-Lagrange strain of -0.25 is -0.22.
        assert -0.32 < mean.min() < -0.18
        assert -0.25 < along.min() < -0.12
        assert 250 < one.frame_ms[mean.argmin()] < 450
        np.testing.assert_allclose(one.circumferential[:, 0], 0, atol=1e-9)
        assert abs(mean[-1]) < 0.03  # the beat closes
