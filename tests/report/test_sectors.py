"""Sectors of a slice lie where the mesh's coordinates say, in every plane and turn of the picture."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from cardioscar.imaging.coordinates.aha import QUARTERS, SIXTHS
from cardioscar.report.sectors import Sectors, find_sectors
from cardioscar.report.slice_view import SliceView, as_displayed
from cardioscar.report.slices import slices_figure
from cardioscar.report.style import GUESS, SEPTUM

SPACING = np.array([1.5, 1.0])
CENTER = np.array([33.0, 41.0])


def ring() -> np.ndarray:
    i, j = np.meshgrid(np.arange(50) * SPACING[0], np.arange(90) * SPACING[1], indexing="ij")
    radius = np.hypot(i - CENTER[0], j - CENTER[1])
    return (radius > 20) & (radius < 29)


def sectors(level: int, seed: int = 0, *, turn: float = 0.3, known: bool = True, tilt: float = 0.0) -> Sectors | None:
    """Sectors of a ring whose septum lies at an angle `turn` from the direction of i; the frame is turned at random."""
    rotation = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    di, dj, normal = rotation
    axis = np.cos(tilt) * normal + np.sin(tilt) * di
    wall = np.argwhere(ring())
    positions = wall * SPACING
    points = positions @ np.array([di, dj])
    across = [v - (v @ axis) * axis for v in (np.cos(turn) * di + np.sin(turn) * dj,)]
    septum = across[0] / np.linalg.norm(across[0])
    anterior = np.cross(axis, septum)
    offset = (positions - CENTER) @ np.array([di, dj])
    rotational = np.arctan2(offset @ anterior, offset @ septum)
    degrees = np.degrees(rotational)
    segment = (
        QUARTERS[np.floor((degrees + 135) / 90).astype(int) % 4] if level == 2
        else SIXTHS[np.floor((degrees + 180) / 60).astype(int) % 6] + 6 * level if level < 3
        else np.full(len(points), 17)
    )  # fmt: skip
    return find_sectors(
        points, positions, np.array([di, dj]), nodes=cKDTree(points), rotational=rotational, segment=segment,
        long_axis=axis, septum=septum, known=known,
    )  # fmt: skip


@given(st.integers(0, 10_000), st.floats(-np.pi, np.pi), st.integers(0, 2))
def test_center_septum_and_segments_are_found_in_any_frame(seed: int, turn: float, level: int) -> None:
    found = sectors(level, seed, turn=turn)
    assert found is not None
    np.testing.assert_allclose(found.center_mm, CENTER, atol=0.2)
    np.testing.assert_allclose(found.septum, [np.cos(turn), np.sin(turn)], atol=1e-6)
    assert sorted(found.segments) == [list(range(1, 7)), list(range(7, 13)), list(range(13, 17))][level]
    # the middle of the septum: the border of 2 and 3 (8 and 9), the middle of 14
    if level == 2:
        assert found.middles[found.segments.index(14)] @ found.septum == pytest.approx(1)
    else:
        beside = {2 + 6 * level, 3 + 6 * level}
        nearest = np.argsort(-(found.middles @ found.septum))[:2]
        assert {found.segments[k] for k in nearest} == beside
        assert (found.borders @ found.septum).max() == pytest.approx(1)


def test_a_tilted_slice_has_its_center_where_the_axis_crosses() -> None:
    found = sectors(1, tilt=0.2)
    assert found is not None
    np.testing.assert_allclose(found.center_mm, CENTER, atol=0.5)


def test_the_cap_and_a_slice_beside_the_mesh_have_none() -> None:
    assert sectors(3) is None
    far = cKDTree(np.array([[500.0, 0, 0]]))
    parts = {"rotational": np.zeros(1), "segment": np.ones(1, int), "long_axis": np.eye(3)[2], "septum": np.eye(3)[0]}
    assert find_sectors(np.zeros((50, 3)), np.zeros((50, 2)), np.eye(3)[:2], nodes=far, **parts) is None
    assert find_sectors(np.zeros((0, 3)), np.zeros((0, 2)), np.eye(3)[:2], nodes=far, **parts) is None


AXES = np.concatenate([np.eye(3), -np.eye(3)])


@pytest.mark.parametrize("directions", [pair for pair in itertools.permutations(AXES, 2) if np.dot(*pair) == 0])
def test_sectors_turn_with_the_picture(directions: tuple[np.ndarray, np.ndarray]) -> None:
    wall, found = ring(), sectors(0)
    assert found is not None
    marked = np.zeros(wall.shape)
    i, j = np.rint((found.center_mm + 24 * found.septum) / SPACING).astype(int)
    marked[i, j] = 1
    view = SliceView(
        0, marked, wall, wall, np.where(wall, 0.0, np.nan), pixel_mm=tuple(SPACING),
        directions=np.array(directions), sectors=found,
    )  # fmt: skip
    shown = as_displayed(view)
    assert shown.sectors is not None
    place = np.argwhere(shown.background == 1)[0] * np.array(shown.pixel_mm)
    np.testing.assert_allclose(shown.sectors.center_mm + 24 * shown.sectors.septum, place, atol=0.8)
    centre = np.argwhere(shown.wall).mean(axis=0) * np.array(shown.pixel_mm)
    np.testing.assert_allclose(shown.sectors.center_mm, centre, atol=0.8)


@pytest.mark.parametrize(
    ("known", "colour", "said"), [(True, SEPTUM, "Middle of the septum"), (False, GUESS, "a guess")]
)
def test_the_figure_marks_septum_borders_and_numbers(known, colour, said, pixels, share_near) -> None:
    wall = ring()
    parts = {"predicted": np.where(wall, 0.0, np.nan), "pixel_mm": tuple(SPACING)}
    view = SliceView(0, np.zeros(wall.shape), wall, np.zeros(wall.shape), sectors=sectors(1, known=known), **parts)
    figure = slices_figure([view])
    upper, lower = figure.axes[:2]
    assert {text.get_text() for text in upper.texts} >= {str(n) for n in range(7, 13)}
    assert not {text.get_text() for text in lower.texts} & {str(n) for n in range(7, 13)}
    assert said in " ".join(text.get_text() for text in figure.legends[0].get_texts())
    plain = slices_figure([SliceView(0, np.zeros(wall.shape), wall, np.zeros(wall.shape), **parts)])
    assert share_near(pixels(plain), colour) == 0
    assert share_near(pixels(figure), colour) > 5e-5
