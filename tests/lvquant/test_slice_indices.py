from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.errors import GeometryError
from cardioscar.imaging.affine import Affine
from cardioscar.lvquant.outline import area_mm2, centroid_mm, crossings_mm, outline_mm
from cardioscar.lvquant.sectors import SECTORS, SeptumFrame, sector_of, septum_frame, septum_from_insertions
from cardioscar.lvquant.slice_indices import slice_indices
from cardioscar.lvquant.wall_thickness import wall_thickness_mm
from tests.lvquant.drawn_rings import Ring

SEPTUM = SeptumFrame(np.pi, 1)
"""Septum at the left of the picture, anterior above."""

RINGS = st.builds(
    Ring,
    center_mm=st.tuples(st.floats(59, 61), st.floats(59, 61)),
    radius_mm=st.floats(12, 28),
    outer_mm=st.floats(34, 38),
    apart_mm=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
)


@settings(max_examples=8)
@given(ring=RINGS, pixel_mm=st.tuples(st.floats(1.0, 1.6), st.floats(1.0, 1.6)), septum=st.floats(-3, 3))
def test_shares_of_pixels_give_areas_to_1_percent_and_lengths_to_a_tenth_of_a_millimetre(
    ring, pixel_mm, septum
) -> None:
    frame = SeptumFrame(septum, 1)
    found = slice_indices(*ring.shares(pixel_mm, size=112), np.array(pixel_mm), frame)
    np.testing.assert_allclose((found.cavity_mm2, found.myocardium_mm2), ring.areas_mm2, rtol=2e-3)
    np.testing.assert_allclose(found.dimensions_mm, 2 * ring.radius_mm, atol=0.15)  # a chord: two points of an outline
    assert abs(found.dimensions_mm.mean() - 2 * ring.radius_mm) < 0.1
    np.testing.assert_allclose(found.thickness_mm, ring.thickness_mm(frame), atol=0.1)


@settings(max_examples=8)
@given(ring=RINGS, pixel_mm=st.floats(0.8, 1.4))
def test_whole_pixels_are_right_to_a_third_of_one(ring, pixel_mm) -> None:
    """A mask says where an outline is to half a pixel; a chord has two such ends, a sector many."""
    found = slice_indices(*ring.shares((pixel_mm, pixel_mm), size=128, fine=1), np.full(2, pixel_mm), SEPTUM)
    np.testing.assert_allclose((found.cavity_mm2, found.myocardium_mm2), ring.areas_mm2, rtol=0.03)
    np.testing.assert_allclose(found.dimensions_mm, 2 * ring.radius_mm, atol=1.0 * pixel_mm)
    np.testing.assert_allclose(found.thickness_mm, ring.thickness_mm(SEPTUM), atol=0.35 * pixel_mm)


def test_an_oval_cavity_has_its_own_chord_along_each_direction() -> None:
    turn = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    oval = np.stack([30 + 24 * np.cos(turn), 40 + 18 * np.sin(turn)], axis=1)
    np.testing.assert_allclose(centroid_mm(oval), [30, 40], atol=1e-9)
    assert area_mm2(oval) == pytest.approx(np.pi * 24 * 18, rel=1e-5)
    angles = np.array([0.0, np.pi / 2, 1.1])
    expected = 1 / np.hypot(np.cos(angles) / 24, np.sin(angles) / 18)
    np.testing.assert_allclose(crossings_mm(oval, np.array([30.0, 40]), angles), expected, atol=1e-3)


@given(apart=st.tuples(st.floats(-4, 4), st.floats(-4, 4)), radius=st.floats(8, 30), wall=st.floats(6, 14))
def test_thickness_between_circles_is_the_ellipse_about_both_centres(apart, radius, wall) -> None:
    ring = Ring((0, 0), radius, radius + wall, apart)
    turn = np.linspace(0, 2 * np.pi, 3000, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    angles = SEPTUM.image_angles(np.linspace(-np.pi, np.pi, 181)[:-1] + np.pi / 180)
    found = wall_thickness_mm(radius * circle, np.array(apart) + ring.outer_mm * circle, angles, np.zeros(2))
    np.testing.assert_allclose(found, ring.profile_mm(SEPTUM), atol=0.01)


def test_an_epicardium_inside_of_the_endocardium_has_no_thickness() -> None:
    turn = np.linspace(0, 2 * np.pi, 500, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    found = wall_thickness_mm(20 * circle, 22 * circle + [6, 0], np.array([0.0, np.pi]), np.zeros(2))
    assert found[0] == pytest.approx(8, abs=0.05)
    assert np.isnan(found[1])


def test_sectors_are_the_sixths_of_the_aha_about_the_septum() -> None:
    degrees = np.array([-59, -1, -61, -119, -121, -179, 179, 121, 119, 61, 59, 1])
    assert [SECTORS[n] for n in sector_of(np.radians(degrees))] == [
        "IS", "IS", "I", "I", "IL", "IL", "AL", "AL", "A", "A", "AS", "AS",
    ]  # fmt: skip


def test_a_thin_sector_is_found_where_it_is() -> None:
    """The wall is thick on the side to which the epicardium is moved, and thin on the other."""
    ring = Ring(radius_mm=20, outer_mm=30, apart_mm=(-3, -3))  # thick to the left and above: anteroseptal
    found = slice_indices(*ring.shares((1.3, 1.3)), np.full(2, 1.3), SEPTUM)
    assert SECTORS[int(np.argmax(found.thickness_mm))] == "AS"
    assert SECTORS[int(np.argmin(found.thickness_mm))] == "IL"


def test_turning_the_image_turns_nothing_else() -> None:
    ring = Ring(apart_mm=(-2.5, 1.5))
    cavity, wall = ring.shares((1.3, 1.3))
    straight = slice_indices(cavity, wall, np.full(2, 1.3), SEPTUM)
    turned = slice_indices(cavity.T[::-1], wall.T[::-1], np.full(2, 1.3), SeptumFrame(-np.pi / 2, 1))
    np.testing.assert_allclose(turned.thickness_mm, straight.thickness_mm, atol=1e-3)
    np.testing.assert_allclose(turned.dimensions_mm, straight.dimensions_mm, atol=1e-3)
    mirrored = slice_indices(cavity[:, ::-1], wall[:, ::-1], np.full(2, 1.3), SeptumFrame(np.pi, -1))
    np.testing.assert_allclose(mirrored.thickness_mm, straight.thickness_mm, atol=1e-3)


def test_slices_without_what_is_measured() -> None:
    nothing = np.zeros((20, 20))
    found = slice_indices(nothing, nothing, np.ones(2), SEPTUM)
    assert (found.cavity_mm2, found.myocardium_mm2) == (0, 0)
    assert np.isnan(found.dimensions_mm).all()
    assert np.isnan(found.thickness_mm).all()
    cavity, _ = Ring().shares((1.3, 1.3))
    found = slice_indices(cavity, np.zeros_like(cavity), np.full(2, 1.3), SEPTUM)
    assert np.isnan(found.myocardium_mm2)
    np.testing.assert_allclose(found.dimensions_mm, 44, atol=0.1)
    assert np.isnan(found.thickness_mm).all()


def test_specks_and_holes_play_no_part_in_an_outline() -> None:
    cavity, _ = Ring().shares((1.3, 1.3), fine=1)
    whole = outline_mm(cavity, np.full(2, 1.3))
    cavity[44:47, 44:47] = 0
    cavity[3, 3] = 1
    np.testing.assert_allclose(area_mm2(outline_mm(cavity, np.full(2, 1.3))), area_mm2(whole))


def test_the_septum_of_a_patient_lies_right_and_anterior() -> None:
    picture = septum_frame(Affine(np.diag([1.4, 1.4, 8, 1])))  # i to the patient's left, j to the back
    assert np.degrees(picture.septum_rad) == pytest.approx(-135)  # up and to the left in the picture
    assert picture.turn == 1
    upside_down = septum_frame(Affine(np.diag([1.4, -1.4, 8, 1.0])), septum_direction=np.array([-1.0, 0, 0]))
    assert upside_down.turn == -1
    with pytest.raises(GeometryError, match="a septum direction across the slices' normal"):
        septum_frame(Affine(np.diag([1.4, 1.4, 8, 1])), septum_direction=np.array([0, 0, 1.0]))


@given(septum=st.floats(-3, 3), half=st.floats(0.6, 1.4), mirrored=st.booleans())
def test_insertions_and_direction_say_the_same(septum: float, half: float, mirrored: bool) -> None:
    grid = Affine(np.diag([1.4, -1.4 if mirrored else 1.4, 8, 1]))
    turn = -1 if mirrored else 1

    def at(angle: float) -> np.ndarray:
        return np.array([50, 40]) + 30 * np.array([np.cos(angle), np.sin(angle)])

    both = septum_from_insertions(grid, np.array([50, 40]), at(septum + turn * half), at(septum - turn * half))
    one = septum_from_insertions(grid, np.array([50, 40]), at(septum + turn * np.pi / 3))
    for found in (both, one):
        assert found.turn == turn
        assert np.cos(found.septum_rad - septum) == pytest.approx(1)
