from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import cardioscar.scar3d.wall_prior
from cardioscar.scar3d.wall_prior import synthetic
from cardioscar.scar3d.wall_prior.config import ScarPriorConfig
from cardioscar.scar3d.wall_prior.examination import examine
from cardioscar.scar3d.wall_prior.examples import draw_examples
from cardioscar.scar3d.wall_prior.synthetic import NOTHING, FieldSource, SyntheticScar, draw_scar
from cardioscar.scar3d.wall_prior.ventricle import VOXEL_MM, Ventricle, WallBox, draw_ventricle


def test_nothing_of_the_benchmark_phantom_enters_the_training() -> None:
    for path in Path(cardioscar.scar3d.wall_prior.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("cardioscar.phantom"), path.name
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("cardioscar.phantom") for alias in node.names), path.name


@pytest.mark.parametrize("seed", range(6))
def test_coordinates_of_a_ventricle_invert_its_places(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ventricle = draw_ventricle(rng)
    at = np.column_stack([rng.uniform(0.02, 1, 500), rng.uniform(-3, 3, 500), rng.uniform(0, 1, 500)])
    np.testing.assert_allclose(ventricle.coordinates(ventricle.place(at)), at, atol=1e-7)


def test_voxels_of_the_wall_have_the_volume_of_the_wall(ventricle: Ventricle, box: WallBox) -> None:
    # the volume by the Jacobian of `place`, on a fine lattice
    n, step = 60, 1e-4
    at = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    at[:, 1] = (2 * at[:, 1] - 1) * np.pi
    sides = [(ventricle.place(at + step * e) - ventricle.place(at - step * e)) / (2 * step) for e in np.eye(3)]
    volume = np.abs(np.linalg.det(np.stack(sides, axis=1))).mean() * 2 * np.pi
    assert (box.depth > 0).sum() * VOXEL_MM**3 == pytest.approx(volume, rel=0.03)


@pytest.mark.parametrize("length_mm", [4.0, 9.0])
def test_a_field_has_the_correlation_length_asked_for(box: WallBox, length_mm: float) -> None:
    source = FieldSource(box, np.random.default_rng(0))
    whole = np.full(int(np.prod(box.shape)), np.nan)
    products = []
    lag = round(length_mm / VOXEL_MM)
    for _ in range(12):
        whole[box.near] = source.draw(length_mm)
        field = whole.reshape(box.shape)
        products.append(np.nanmean(field[:, :, lag:] * field[:, :, :-lag]))
    expected = np.exp(-0.5 * (lag * VOXEL_MM / length_mm) ** 2)
    # twelve fields with a few tens of independent patches each
    assert np.mean(products) == pytest.approx(expected, abs=0.12)


def test_scars_vary_in_size_and_some_are_split_by_living_tissue(box: WallBox) -> None:
    wall = box.depth > 0
    shares, corridors = [], 0
    for seed in range(14):
        scar = (draw_scar(box, np.random.default_rng(seed)).level > 0) & wall
        shares.append(scar.sum() / wall.sum())
        corridors += ndimage.label(scar)[1] > 1
    assert max(shares) < 0.6
    assert np.median(shares) > 0.01
    assert max(shares) > 5 * np.median(shares) or np.std(shares) > 0.03
    assert corridors >= 3


def test_a_corridor_is_two_to_eight_millimetres_wide(box: WallBox, monkeypatch: pytest.MonkeyPatch) -> None:
    # without warp and roughness the corridor is a plane sheet, and the level in its middle is half its width
    monkeypatch.setattr(FieldSource, "draw", lambda *_, **__: np.zeros(len(box.near), np.float32))
    level = np.full(len(box.near), 5.0, dtype=np.float32)
    widths = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        outside = synthetic._corridor(box, level, FieldSource(box, rng), rng)
        widths.append(-2 * float(outside.min()))
    assert 1.6 <= min(widths) < max(widths) <= 8.0 + 1e-5
    assert np.ptp(widths) > 2


def test_a_corridor_needs_scar(box: WallBox) -> None:
    rng = np.random.default_rng(0)
    nothing = np.full(len(box.near), NOTHING, dtype=np.float32)
    assert (synthetic._corridor(box, nothing, FieldSource(box, rng), rng) > 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_an_examination_sees_scar_where_it_is(box: WallBox, seed: int) -> None:
    z = box.corner_mm[2] + VOXEL_MM * np.arange(box.shape[2])
    half = float(np.median(z))
    scar = SyntheticScar(np.broadcast_to((z - half).astype(np.float32), box.shape).copy())
    stack = examine(box, scar, np.random.default_rng(seed))
    for piece in stack:
        # a tilt of 15° over a radius of 50 mm and half a slab of 10 mm
        height = piece.affine[2, 3] + piece.affine[2, :2] @ (np.array(piece.values.shape) / 2)
        if not piece.observed.any() or abs(height - half) < 20:
            continue
        assert piece.values[piece.observed].mean() == pytest.approx(float(height > half), abs=0.15)


def test_examinations_span_the_ranges_that_clinics_use(box: WallBox) -> None:
    scar = draw_scar(box, np.random.default_rng(1))
    hard = 0
    for seed in range(14):
        stack = examine(box, scar, np.random.default_rng(seed))
        assert 0.6 <= stack.slices[0].pixel_mm[0] <= 2.0
        assert 5 <= stack.slices[0].thickness_mm <= 10
        if len(stack) > 1:
            apart = stack.slices[1].affine[:3, 3] - stack.slices[0].affine[:3, 3]
            assert 6 <= np.linalg.norm(apart) <= 12
        seen = np.concatenate([s.values[s.observed] for s in stack])
        assert seen.min() >= 0
        assert seen.max() <= 1
        hard += set(np.unique(seen)) <= {0.0, 1.0}
    assert 1 <= hard <= 10  # about a third


def test_examples_are_the_same_for_a_seed_and_differ_between_ventricles() -> None:
    config = ScarPriorConfig(ventricles=2, scars=1, cell_mm=5.0, layers=3, seed=7)
    first, again, other = draw_examples(config, 0), draw_examples(config, 0), draw_examples(config, 1)
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.truth, again.truth)
    assert first.features.shape != other.features.shape or not np.array_equal(first.features, other.features)
    assert np.isfinite(first.features).all()
    assert first.weight.mean() == pytest.approx(1, abs=1e-4)
