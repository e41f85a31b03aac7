from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from cardioscar.phantom.config import PhantomConfig
from cardioscar.phantom.mesh import wall_mesh
from cardioscar.phantom.scar import ScarField, draw_center, draw_scar
from cardioscar.phantom.shape import LVShape, direction_from_angles, draw_shape


def heart(seed: int, kind: str, **changes) -> tuple[LVShape, ScarField]:
    options = {"isthmus_width_mm": (4.0, 6.0), "isthmus_angle_deg": (0.0, 65.0), **changes}
    rng = np.random.default_rng(seed)
    _, center = draw_center(rng)
    shape = draw_shape(rng, length_mm=(82, 98), wall_mm=(8, 11), thin_direction=center, thinning=0.2)
    return shape, draw_scar(rng, shape, kind, center, **options)


def wall_points(shape: LVShape, n: int, transmural: float | None = None) -> np.ndarray:
    rng = np.random.default_rng(0)
    direction = direction_from_angles(np.arccos(rng.uniform(0, 1, n)), rng.uniform(0, 2 * np.pi, n))
    depth = rng.uniform(0, 1, n) if transmural is None else np.full(n, transmural)
    return shape.to_patient_mm(shape.place(direction, depth).local_mm)


@pytest.mark.parametrize("kind", ["smooth", "isthmus", "patchy"])
@pytest.mark.parametrize("seed", range(6))
def test_scar_is_a_plausible_part_of_the_wall(kind, seed):
    shape, scar = heart(seed, kind)
    mesh, at = wall_mesh(shape, 6_000, np.random.default_rng(0))
    truth, corridor = scar.evaluate(at)
    share = mesh.node_volumes_ml[truth].sum() / mesh.volume_ml
    assert 0.01 < share < 0.30
    assert not (truth & corridor).any()
    assert corridor.any() == (kind == "isthmus")
    np.testing.assert_array_equal(scar(mesh.nodes_mm), truth)


@pytest.mark.parametrize("seed", range(4))
def test_infarct_spreads_from_the_endocardium(seed):
    shape, scar = heart(seed, "smooth")
    inner, middle, outer = (scar(wall_points(shape, 20_000, t)) for t in (0.05, 0.5, 0.95))
    assert inner.sum() > middle.sum() >= outer.sum()
    # The same directions at three depths: whatever is scar outside is scar inside.
    assert not (outer & ~middle).any()
    assert not (middle & ~inner).any()


def test_there_is_no_scar_outside_the_wall_nor_without_infarct():
    shape, scar = heart(1, "isthmus")
    points = shape.base_center_mm + np.random.default_rng(0).uniform(-120, 120, (50_000, 3))
    outside = ~shape.coordinates(points).in_wall
    assert outside.any()
    assert not scar(points)[outside].any()
    shape, none = heart(1, "none")
    assert not none(wall_points(shape, 5_000)).any()


@pytest.mark.parametrize("seed", range(8))
def test_isthmus_has_its_width_in_space(seed):
    shape, scar = heart(seed, "isthmus")
    # The living mid-wall points farthest from scar are the corridor's middle line, half a width away.
    points = wall_points(shape, 150_000, 0.5)
    at = shape.coordinates(points)
    dead, alive = scar.evaluate(at)
    distance, _ = cKDTree(points[dead]).query(points[alive])
    # Away from the scar's rim, where the corridor opens
    inner = np.linalg.norm(points[alive] - points[dead | alive].mean(axis=0), axis=1) < 12
    assert 2 * np.percentile(distance[inner], 98) == pytest.approx(scar.isthmus.width_mm, rel=0.2)


def test_isthmus_runs_at_its_angle():
    for angle in (0.0, 60.0):
        shape, scar = heart(3, "isthmus", isthmus_angle_deg=(angle, angle))
        points = wall_points(shape, 60_000, 0.5)
        _, alive = scar.evaluate(shape.coordinates(points))
        local = (points[alive] - points[alive].mean(axis=0)) @ shape.axes
        principal = np.linalg.svd(local, full_matrices=False)[2][0]
        # Bend of the corridor and slope of the wall turn the chord by some degrees.
        assert np.degrees(np.arccos(abs(principal[2]))) == pytest.approx(angle, abs=18)


def test_patchy_scar_leaves_living_islands():
    shape, scar = heart(2, "patchy")
    solid = ScarField(shape, "smooth", scar.center, scar.radii_mm, scar.depth, scar.border)
    points = wall_points(shape, 30_000)
    patchy, whole = scar(points), solid(points)
    assert not (patchy & ~whole).any()
    assert 0.2 < patchy.sum() / whole.sum() < 0.9


def test_default_widths_are_those_of_the_configuration():
    low, high = PhantomConfig().isthmus_width_mm
    widths = [heart(seed, "isthmus")[1].isthmus.width_mm for seed in range(10)]
    assert low <= min(widths) < max(widths) <= high
