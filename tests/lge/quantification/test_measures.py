from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.errors import ConfigError, GeometryError, InputError
from cardioscar.imaging.affine import Affine
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.volume import Volume
from cardioscar.lge.quantification.config import QuantifyConfig
from cardioscar.lge.quantification.crps import crps
from cardioscar.lge.quantification.draws import RandomFields, drawn_volumes, near_heart
from cardioscar.lge.quantification.errors import Known, fit_errors
from cardioscar.lge.quantification.measures import quantify
from cardioscar.lge.quantification.segments import segments, transmurality
from tests.lge.inference.stand_in import heart, stack

STRAIGHT = Affine(np.diag([1.5, 1.5, 8.0, 1.0]))
"""Slices along z: the septum at the right and front, the base above."""


def certain(labels: np.ndarray) -> np.ndarray:
    return np.stack([labels == label for label in Label]).astype(np.float32)


def doubtful(labels: np.ndarray, p: float) -> np.ndarray:
    """Scar of probability p in all of the wall."""
    found = certain(np.where(labels == Label.SCAR, Label.MYOCARDIUM, labels))
    wall = np.isin(labels, WALL)
    found[Label.SCAR][wall], found[Label.MYOCARDIUM][wall] = p, 1 - p
    return found


def test_a_certain_heart_has_the_volumes_of_its_pixels_and_intervals_without_width() -> None:
    labels = heart((60, 60, 6), center=(30, 30))
    image = stack(labels)
    found = quantify(labels, certain(labels), image, QuantifyConfig(draws=20))
    voxel_ml = 1.5 * 1.5 * 8 / 1000
    scar_ml, wall_ml = (np.isin(labels, one).sum() * voxel_ml for one in ((Label.SCAR,), WALL))
    for estimate, value in ((found.scar_ml, scar_ml), (found.scar_fraction_of_wall, scar_ml / wall_ml)):
        assert [estimate.value, estimate.mean, estimate.lower, estimate.upper] == pytest.approx([value] * 4, rel=1e-6)
    assert found.cavity_ml == pytest.approx((labels == Label.BLOOD_POOL).sum() * voxel_ml)
    assert sum(one.scar_ml.value for one in found.slices) == pytest.approx(scar_ml)
    assert sum(one.wall_ml for one in found.segments) == pytest.approx(wall_ml)
    per_segment = sum(one.scar_fraction.value * one.wall_ml for one in found.segments)
    assert per_segment == pytest.approx(scar_ml)
    assert [one.segment for one in found.segments] == list(range(1, 17))


def test_doubt_widens_the_interval_around_the_expected_volume_and_mistakes_that_go_together_widen_it_more() -> None:
    labels = heart((60, 60, 6), center=(30, 30))
    image = stack(labels)
    widths = []
    for region_mm, shared in ((3.0, 0.0), (18.0, 0.0), (18.0, 0.4)):
        config = QuantifyConfig(draws=400, region_mm=region_mm, shared=shared)
        found = quantify(labels, doubtful(labels, 0.3), image, config)
        # the standard error of a mean of 400 draws
        error = found.scar_fraction_of_wall.sd / 20
        assert found.scar_fraction_of_wall.mean == pytest.approx(0.3, abs=4 * error)
        assert found.scar_ml.lower <= min(found.scar_ml.value, found.scar_ml.mean)
        assert found.scar_ml.upper >= max(found.scar_ml.value, found.scar_ml.mean)
        widths.append(found.scar_ml.sd)
    assert widths[0] < widths[1] / 2
    assert widths[1] < widths[2] / 1.2


def test_the_share_of_draws_in_which_a_voxel_is_scar_is_its_probability() -> None:
    rng = np.random.default_rng(3)
    p = np.zeros((4, 6, 5, 1), np.float32)
    p[Label.SCAR] = rng.random((6, 5, 1)) * 0.6
    p[Label.MYOCARDIUM] = rng.random((6, 5, 1)) * 0.4
    p[Label.BACKGROUND] = 1 - p.sum(axis=0)
    # voxels farther apart than any mistake reaches, each a part of its own
    part = np.arange(30).reshape(6, 5, 1)
    drawn = drawn_volumes(p, Affine(np.diag([100.0, 100, 100, 1])), part, QuantifyConfig(draws=4000, region_mm=5))
    # 4,000 draws: a standard error of at most 0.008
    np.testing.assert_allclose((drawn.scar_ml / 1000).mean(axis=0), p[Label.SCAR].ravel(), atol=0.04)
    np.testing.assert_allclose((drawn.wall_ml / 1000).mean(axis=0), (p[1] + p[3]).ravel(), atol=0.04)
    assert (drawn.scar_ml <= drawn.wall_ml).all()


def test_fields_are_standard_normal_and_correlated_as_matern_says() -> None:
    points = np.array([[0.0, 0, 0], [18.0, 0, 0], [500.0, 0, 0]])
    values = RandomFields(20_000, 18.0, 0.2, np.random.default_rng(1)).at(points)
    r = np.sqrt(5)
    expected = np.array([1, 0.8 * (1 + r + r * r / 3) * np.exp(-r) + 0.2, 0.2])
    # 256 waves meet the covariance to about 1/16
    np.testing.assert_allclose(np.cov(values)[0], expected, atol=0.15)


def test_parts_do_not_change_the_hearts_that_are_drawn() -> None:
    labels = heart((60, 60, 3), center=(30, 30))
    config = QuantifyConfig(draws=30)
    one, other = (
        drawn_volumes(doubtful(labels, 0.4), STRAIGHT, part, config)
        for part in (np.zeros(labels.shape, int), np.broadcast_to(np.arange(3), labels.shape))
    )
    np.testing.assert_allclose(one.scar_ml.sum(axis=1), other.scar_ml.sum(axis=1))


def test_what_lies_far_from_the_heart_plays_no_part() -> None:
    labels = heart((80, 80, 3), center=(30, 30))
    close = near_heart(labels, STRAIGHT.spacing_mm)
    assert close[labels > 0].all()
    assert not close[70:, 70:].any()


def test_segments_lie_where_the_septum_is() -> None:
    labels = heart((80, 80, 6), center=(40, 40), scar=0)
    labels[..., 0] = np.where(heart((80, 80, 1), center=(40, 40))[..., 0] == Label.BLOOD_POOL, 1, 0)
    found = segments(labels, STRAIGHT, septum_direction=np.array([-1.0, 0, 0]))
    assert set(np.unique(found[..., 0])) == {0, 17}
    assert [set(np.unique(found[..., k])) - {0} for k in (1, 5)] == [set(range(13, 17)), set(range(1, 7))]
    # anterior is the base's direction (z) × the septum's (-x): -y
    assert found[40, 30, 5] == 1
    assert found[40, 50, 5] == 4
    assert found[30, 39, 5] in (2, 3)
    assert found[30, 40, 1] == 14
    assert (found > 0).sum() == np.isin(labels, WALL).sum()
    with pytest.raises(GeometryError, match="across the slices' normal"):
        segments(labels, STRAIGHT, septum_direction=np.array([0, 0, 1.0]))


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_transmurality_is_the_share_of_the_thickness(share: float) -> None:
    labels = heart((150, 150, 1), center=(75, 75), pixel_mm=0.5, scar=0)
    i, j = np.indices((150, 150))
    away = np.hypot(i - 75, j - 75) * 0.5
    inner = (labels[..., 0] == Label.MYOCARDIUM) & (away < 12 + share * 8)
    labels[inner] = Label.SCAR
    frame = Affine(np.diag([0.5, 0.5, 8, 1]))
    found = transmurality(labels, frame, segments(labels, frame))
    assert set(found) == set(range(7, 13))
    for one in found.values():
        # a wall of 16 pixels: a pixel of either side is 1/16
        assert one.mean == pytest.approx(share, abs=1 / 16)
        assert one.scarred == (share > 0)
    assert sum(one.chords for one in found.values()) == 100
    assert all(one.over_half == (share == 1) for one in found.values() if share != 0.5)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=30), st.floats(-50, 50))
def test_crps_is_the_integral_of_the_squared_distance_of_the_distributions(draws: list[float], truth: float) -> None:
    x = np.sort(draws)
    ends = np.unique([*x, truth])
    middles = (ends[1:] + ends[:-1]) / 2
    gap = np.searchsorted(x, middles, side="right") / len(x) - (middles >= truth)
    assert crps(np.array(draws), truth) == pytest.approx(float((gap**2) @ np.diff(ends)), abs=1e-9)


def test_crps_wants_numbers() -> None:
    with pytest.raises(InputError, match="finite draws"):
        crps(np.array([]), 1.0)
    with pytest.raises(InputError, match="finite draws"):
        crps(np.array([1.0]), float("nan"))


def test_mistakes_of_whole_hearts_are_told_from_mistakes_of_pixels() -> None:
    """Truths that differ more, because whole hearts are mistaken together, are met by wider intervals."""
    labels, frame = heart((20, 20, 2), center=(10, 10), pixel_mm=3.0), Affine(np.diag([3.0, 3, 8, 1]))
    part, within = np.zeros(labels.shape, dtype=np.int64), np.isin(labels, WALL)
    p = doubtful(labels, 0.4)
    widths = []
    for shared in (0.0, 0.5):
        true = QuantifyConfig(draws=24, region_mm=9.0, shared=shared, seed=99)
        truths = drawn_volumes(p, frame, part, true, within=within).scar_ml[:, 0]
        found = fit_errors([Known(p, frame, within, ml) for ml in truths], QuantifyConfig(draws=60))
        widths.append(drawn_volumes(p, frame, part, found.config, within=within).scar_ml.std())
        assert found.cases == 24
        # 24 hearts of 0.9: a standard error of 0.06
        assert found.coverage > 0.7
    assert widths[1] > 1.5 * widths[0]
    with pytest.raises(InputError, match="at least 5 hearts"):
        fit_errors([])


def test_what_cannot_be_measured_is_refused() -> None:
    labels = heart((40, 40, 2), center=(20, 20))
    image = stack(labels)
    with pytest.raises(InputError, match="a wall to measure"):
        quantify(np.zeros_like(labels), certain(labels), image)
    with pytest.raises(InputError, match="of shape"):
        quantify(labels[..., :1], certain(labels), image)
    with pytest.raises(ConfigError, match="shared"):
        QuantifyConfig(shared=1.0)


def test_slices_are_named_by_their_number_in_the_file() -> None:
    labels = heart((40, 40, 3), center=(20, 20))
    image = stack(labels)
    named = Volume(image.values, image.affine, "lge", slice_numbers=(7, 5, 3))
    found = quantify(labels, certain(labels), named, QuantifyConfig(draws=5))
    assert [one.number for one in found.slices] == [7, 5, 3]
