from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardioscar.errors import ConfigError
from cardioscar.imaging.cine import canonical_cine
from cardioscar.imaging.labels import Label
from cardioscar.phantom.beating import BeatingVentricle
from cardioscar.phantom.beating_cine import CineProtocol, image_beat
from cardioscar.phantom.beating_section import section

HEART = BeatingVentricle(hypokinetic_rad=1.2, hypokinesia=0.6)


@given(narrowing=st.floats(0.05, 0.45), shortening=st.floats(0, 0.25), phase=st.floats(0, 1))
def test_muscle_keeps_its_volume_and_ejection_is_a_formula(narrowing, shortening, phase) -> None:
    heart = BeatingVentricle(narrowing=narrowing, shortening=shortening)
    assert heart.state(phase).wall_ml == pytest.approx(heart.wall_ml)
    assert heart.ef_percent == pytest.approx(100 * (1 - (1 - narrowing) ** 2 * (1 - shortening)))


@settings(max_examples=10)
@given(phase=st.floats(0, 1), seed=st.integers(0, 99))
def test_volumes_are_those_of_the_points_inside(phase, seed) -> None:
    """Random points: 60,000 in a box give a volume to about 1 %."""
    rng = np.random.default_rng(seed)
    box = np.array([90.0, 90.0, 100.0])
    local = (rng.random((60_000, 3)) - [0.5, 0.5, 0]) * box
    cavity, wall = HEART.inside(local @ HEART.local_axes.T + HEART.apex_lps, phase)
    per_point = float(box.prod()) / 60_000 / 1000
    assert cavity.sum() * per_point == pytest.approx(HEART.state(phase).cavity_ml, rel=0.06)
    assert wall.sum() * per_point == pytest.approx(HEART.wall_ml, rel=0.06)
    assert not (cavity & wall).any()


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.36, 0.6])
@pytest.mark.parametrize("height", [25.0, 45.0, 65.0])
def test_sections_are_those_of_the_points_inside(phase: float, height: float) -> None:
    ring = section(HEART, height, phase)
    assert ring is not None
    step = 0.2
    x, y = np.meshgrid(np.arange(-45, 45, step), np.arange(-45, 45, step), indexing="ij")
    local = np.stack([x.ravel(), y.ravel(), np.full(x.size, height)], axis=1)
    cavity, wall = HEART.inside(local @ HEART.local_axes.T + HEART.apex_lps, phase)
    assert cavity.sum() * step**2 == pytest.approx(ring.cavity_mm2, rel=0.005)
    assert wall.sum() * step**2 == pytest.approx(ring.myocardium_mm2, rel=0.005)
    center = local[cavity, :2].mean(axis=0)
    expected = ring.lean_mm * np.array([np.cos(ring.lean_rad), np.sin(ring.lean_rad)])
    np.testing.assert_allclose(center, expected, atol=0.03)
    # brute force along one ray: where the nearest points of both circles are as far
    angle = 2.0
    d = np.linspace(ring.cavity_mm, ring.outer_mm + ring.lean_mm, 20_001)
    at = center + d[:, None] * np.array([np.cos(angle), np.sin(angle)])
    to_endo, to_epi = d - ring.cavity_mm, ring.outer_mm - np.linalg.norm(at, axis=1)
    best = int(np.argmin(np.abs(to_endo - to_epi)))
    assert ring.thickness_mm(np.array([angle]))[0] == pytest.approx(to_endo[best] + to_epi[best], abs=0.05)


def test_the_hypokinetic_wall_thickens_less_and_turns_with_the_heart() -> None:
    heart = BeatingVentricle(hypokinetic_rad=1.2, hypokinesia=1.0, twist_deg=0)
    before, after = section(heart, 60, 0.0), section(heart, 60 * 0.85, heart.end_systole)
    assert before is not None
    assert after is not None
    there, across = np.array([1.2]), np.array([1.2 + np.pi])
    assert after.thickness_mm(there)[0] == pytest.approx(before.thickness_mm(there)[0], rel=0.12)
    assert after.thickness_mm(across)[0] > 1.5 * before.thickness_mm(across)[0]
    turned = section(BeatingVentricle(hypokinetic_rad=1.2, hypokinesia=1.0, twist_deg=10), 60, heart.end_systole)
    assert turned is not None
    assert turned.lean_rad == pytest.approx(1.2 + np.radians(10) * (2 * 60 / (90 * 0.85) - 1))


def test_images_hold_the_volumes_at_any_spacing() -> None:
    for protocol in (
        CineProtocol(frames=3, distance_mm=8.0, pixel_mm=(2.0, 2.0)),
        CineProtocol(frames=2, distance_mm=11.0, pixel_mm=(1.6, 2.4), first_phase=0.36),
    ):
        images = image_beat(HEART, protocol)
        voxel_ml = images.cavity.grid.voxel_ml
        expected = [HEART.state(float(phase)).cavity_ml for phase in protocol.phases]
        np.testing.assert_allclose(images.cavity.values.sum(axis=(0, 1, 2)) * voxel_ml, expected, rtol=2e-3)
        np.testing.assert_allclose(images.wall.values.sum(axis=(0, 1, 2)) * voxel_ml, HEART.wall_ml, rtol=2e-3)
        np.testing.assert_allclose(images.cavity.pixel_mm, protocol.pixel_mm)
        labels = images.labels.values
        assert set(np.unique(labels)) == {Label.BACKGROUND, Label.MYOCARDIUM, Label.BLOOD_POOL}
        assert images.cavity.beat_ms == pytest.approx(800)


def test_the_grid_is_in_the_one_order_of_storage_and_the_image_shows_blood_bright() -> None:
    images = image_beat(HEART, CineProtocol(frames=2, pixel_mm=(3.0, 3.0), distance_mm=10))
    cine = images.image(np.random.default_rng(0))
    again = canonical_cine(cine)
    np.testing.assert_array_equal(again.values, cine.values)
    blood, muscle = images.labels.values == Label.BLOOD_POOL, images.labels.values == Label.MYOCARDIUM
    assert cine.values[blood].mean() > 2 * cine.values[muscle].mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"narrowing": 0.9}, "phantom: narrowing: expected 0 to 0.7, found 0.9"),
        ({"wall_mm": 1.0}, "phantom: wall_mm: expected 3 to 30, found 1"),
        ({"hypokinesia": -1.0}, "phantom: hypokinesia: expected 0 to 1, found -1"),
    ],
)
def test_impossible_ventricles(options: dict, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        BeatingVentricle(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize("options", [{"frames": 1}, {"pixel_mm": (0.0, 1.0)}, {"distance_mm": 0.0}])
def test_impossible_protocols(options: dict) -> None:
    with pytest.raises(ConfigError, match="phantom: "):
        CineProtocol(**options)
