from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cardioscar.errors import ConfigError
from cardioscar.imaging.affine import check_affine
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import Label
from cardioscar.lvquant.cine_indices import indices_of_shares
from cardioscar.lvquant.sectors import septum_frame
from cardioscar.lvquant.volumes import stack_volumes
from cardioscar.synthesis.cine.sample import CineSample, draw_cine
from cardioscar.synthesis.cine.settings import CineConfig

SMALL = CineConfig(pixels=(72, 64), frames=6, pixel_mm=(2.0, 2.2))
STACK = CineConfig(
    pixels=(72, 72),
    slices=12,
    frames=5,
    pixel_mm=(2.2, 2.2),
    thickness_mm=(9.0, 9.0),
    gap_mm=(0.0, 0.0),
    stack=True,
    off_center_mm=0.0,
    infarcted=0.0,
)


@pytest.fixture(scope="module")
def stack() -> CineSample:
    return draw_cine(4, STACK)


def test_the_same_seed_gives_the_same_cine() -> None:
    first, second, other = draw_cine(7, SMALL), draw_cine(7, SMALL), draw_cine(8, SMALL)
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.cavity, second.cavity)
    assert not np.array_equal(first.image, other.image)


def test_what_a_sample_holds() -> None:
    drawn = [draw_cine(seed, SMALL) for seed in range(12)]
    for sample in drawn:
        assert sample.image.shape == sample.cavity.shape == sample.wall.shape == (72, 64, 1, 6)
        assert sample.image.dtype == np.float32
        assert np.isfinite(sample.image).all()
        assert sample.image.min() >= 0
        assert sample.cavity.min() >= 0
        assert (sample.cavity + sample.wall).max() < 1 + 1e-5
        assert set(np.unique(sample.labels)) <= {Label.BACKGROUND, Label.MYOCARDIUM, Label.BLOOD_POOL}
        check_affine(sample.affine, where="sample")
        assert all(np.ptp(sample.image[..., t]) > 0 for t in range(6))
        assert not np.array_equal(sample.image[..., 0], sample.image[..., 1])
    shown = sum(bool((sample.labels == Label.BLOOD_POOL).any()) for sample in drawn)
    assert 6 <= shown <= 12  # most slices show a cavity; apical and basal ones beyond do not


def test_contrast_between_blood_and_wall_is_seen() -> None:
    """Without uneven coils and noise of its own a median would be exact; with them blood is brighter in nearly all."""
    brighter = []
    for seed in range(20):
        sample = draw_cine(seed, SMALL)
        blood, wall = sample.cavity[:, :, 0] > 0.95, sample.wall[:, :, 0] > 0.95
        if blood.sum() > 40 and wall.sum() > 40:
            brighter.append(np.median(sample.image[:, :, 0][blood]) > np.median(sample.image[:, :, 0][wall]))
    assert len(brighter) >= 8
    assert np.mean(brighter) >= 0.9


def test_the_heart_of_a_stack_beats_and_keeps_its_muscle(stack: CineSample) -> None:
    """Muscle between the apex and the lowest part of the base keeps its volume; slices above that are left out by
    readers as the base comes through, so the volume is taken where all frames are drawn."""
    cine = Cine(stack.cavity, stack.affine)
    grid_ml = cine.grid.voxel_ml
    blood = stack.cavity.sum(axis=(0, 1, 2)) * grid_ml
    assert np.argmin(blood) == np.argmax(stack.contraction)
    assert blood.min() < 0.95 * blood.max()
    muscle = stack.wall.sum(axis=(0, 1, 2)) * grid_ml
    assert muscle.min() > 0.75 * muscle.max()  # one basal slice of twelve and its part of the muscle come and go
    middle = slice(3, 7)
    areas = stack.wall[:, :, middle].sum(axis=(0, 1, 2))
    assert areas[np.argmax(stack.contraction)] > areas[np.argmin(stack.contraction)]  # it thickens


def test_indices_of_a_sample_are_those_of_a_heart(stack: CineSample) -> None:
    cine = Cine(stack.cavity, stack.affine)
    septum = septum_frame(cine.grid, septum_direction=stack.septum_direction)
    found = indices_of_shares(stack.cavity, stack.wall, cine, septum=septum)
    volumes = stack_volumes(found)
    assert 20 < volumes.edv_ml < 500
    assert 3 < volumes.ef_percent < 90
    assert volumes.mass_g is not None
    assert 30 < volumes.mass_g < 500
    thick = found.thickness_mm[4:7, volumes.ed_frame]
    assert np.isfinite(thick).all()
    assert 3 < thick.mean() < 20


def test_the_base_comes_through_a_basal_slice() -> None:
    """In some stacks the most basal slice that is drawn at end-diastole is not drawn at end-systole."""
    left = 0
    for seed in range(4):
        sample = draw_cine(seed, replace(STACK, pixels=(48, 48), pixel_mm=(3.2, 3.2), frames=4))
        shown = sample.cavity.sum(axis=(0, 1)) > 0
        diastole, systole = int(np.argmin(sample.contraction)), int(np.argmax(sample.contraction))
        left += int(shown[:, diastole].sum()) > int(shown[:, systole].sum())
    assert left >= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 1}, "frames: expected at least 2, found 1"),
        ({"pixels": (8, 128)}, "pixels: expected at least 16 along each axis"),
        ({"pixel_mm": (2.0, 1.0)}, "pixel_mm: expected two numbers of mm, the lower first"),
        ({"infarcted": 1.5}, "infarcted: expected a chance from 0 to 1, found 1.5"),
        ({"off_center_mm": -1.0}, "off_center_mm: expected a number of at least 0, found -1"),
    ],
)
def test_impossible_settings(options: dict, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        CineConfig(**options)
    assert message in str(caught.value)
