from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from cardioscar.errors import ConfigError, InputError
from cardioscar.imaging.labels import WALL, Label
from cardioscar.imaging.volume import Volume
from cardioscar.lge.inference.config import InferConfig, RulesConfig
from cardioscar.lge.inference.segment import labels_of, segment
from cardioscar.metrics.overlap import dice
from tests.lge.inference.stand_in import NO_RULES, GreyNet, heart, segmenter, stack

CPU = InferConfig(views=2, device="cpu")
# at 2 mm an edge between two grey values lies anywhere within a pixel: up to 1 mm of a scar of 8 mm and a cavity of 24
CLOSE = 0.86


def overlaps(truth: np.ndarray, found: np.ndarray) -> dict[str, float]:
    regions = {"wall": WALL, "cavity": (Label.BLOOD_POOL,), "scar": (Label.SCAR,)}
    return {name: dice(*(np.isin(one, labels).ravel() for one in (truth, found))) for name, labels in regions.items()}


def test_a_heart_far_from_the_middle_of_a_large_field_of_view_is_found_and_segmented_in_the_images_own_pixels() -> None:
    truth = heart()
    image = stack(truth)
    found = segment(image, segmenter(), CPU)
    labels = found.own_labels()
    assert labels.values.shape == image.values.shape
    assert labels.values.dtype == np.uint8
    np.testing.assert_array_equal(labels.affine, image.affine)
    assert min(overlaps(truth, labels.values).values()) > CLOSE
    assert found.windows > 4
    expected = image.index_to_mm(np.array([[105.0, 45.0, 3]]))[0]
    assert np.linalg.norm(found.center_mm - expected) < 8  # a window's place, not a measurement
    np.testing.assert_allclose(found.probability.sum(axis=0), 1, atol=1e-5)
    scar = found.own_scar_probability().values
    # a third of the pixels of scar of 8 mm lie at its edge
    assert scar[truth == Label.SCAR].mean() > 0.7
    assert scar[truth == Label.BLOOD_POOL].mean() < 0.05


def test_a_bright_vessel_and_a_dark_ring_without_blood_are_no_heart() -> None:
    truth = heart(center=(105, 100))
    shown = np.maximum(truth, 0)
    i, j = np.indices(truth.shape[:2])
    shown[np.hypot(i - 35, j - 35) < 22] = Label.BLOOD_POOL  # a vessel of 66 mm
    shown[np.hypot(i - 35, j - 110) < 15] = Label.MYOCARDIUM
    found = segment(stack(shown), segmenter(), CPU)
    assert min(overlaps(truth, found.own_labels().values).values()) > CLOSE


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_and_direction_in_which_a_file_stores_its_axes_plays_no_part(order: tuple[int, ...]) -> None:
    image = stack(heart((96, 90, 4), center=(60.0, 40.0)))
    plain = segment(image, segmenter(), CPU)
    flips = [a % 2 == 0 for a in order]
    turned = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    values = np.ascontiguousarray(np.transpose(image.values, order)[turned])
    affine = np.eye(4)
    affine[:3, :3] = image.affine[:3, list(order)] * np.where(flips, -1, 1)
    corner = np.zeros(3)
    corner[list(order)] = np.where(flips, np.array(values.shape) - 1, 0)
    affine[:3, 3] = image.affine[:3, :3] @ corner + image.affine[:3, 3]
    other = segment(Volume(values, affine, "lge"), segmenter(), CPU)
    expected = np.transpose(plain.own_labels().values, order)[turned]
    np.testing.assert_array_equal(other.own_labels().values, expected)
    np.testing.assert_array_equal(other.own_labels().affine, affine)
    np.testing.assert_allclose(other.labels, plain.labels)


@pytest.mark.parametrize(
    ("shape", "pixel_mm", "slices"), [((60, 70), 2.5, 3), ((210, 220), 0.7, 1), ((41, 47), 3.0, 2)]
)
def test_any_size_and_spacing_and_a_single_slice(shape: tuple[int, int], pixel_mm: float, slices: int) -> None:
    middle = (shape[0] / 2 + 3, shape[1] / 2 - 4)
    truth = heart((*shape, slices), pixel_mm=pixel_mm, center=middle)
    found = segment(stack(truth, pixel_mm=pixel_mm), segmenter(), CPU)
    scores = overlaps(truth, found.own_labels().values)
    # a wall of 8 mm has not three pixels of 3 mm
    assert min(scores.values()) > (CLOSE if pixel_mm < 3 else 0.78)


def test_batches_and_views_are_bounded_and_views_of_a_network_without_orientation_agree() -> None:
    network = GreyNet()
    image = stack(heart((80, 80, 5), center=(40, 40)))
    found = segment(image, segmenter(network=network), InferConfig(views=8, batch=3, device="cpu"))
    assert max(shape[0] for shape in network.shapes) <= 3
    assert {shape[1:] for shape in network.shapes} == {(1, 64, 64)}
    np.testing.assert_allclose(found.wall_agreement, 1)
    once = segment(image, segmenter(), InferConfig(views=1, batch=50, device="cpu"))
    np.testing.assert_allclose(once.probability, found.probability, atol=1e-5)


def test_neighbours_are_channels_and_the_ends_are_repeated() -> None:
    truth = heart((80, 80, 3), center=(40, 40))
    truth[..., 0] = heart((80, 80, 1), center=(36, 40))[..., 0]
    before = segment(stack(truth), segmenter(network=GreyNet(channel=0), neighbours=True), CPU)
    # a network that reads the slice before says of each slice what the slice before shows
    shown = np.stack([truth[..., max(k - 1, 0)] for k in range(3)], axis=2)
    reversed_ = np.stack([truth[..., min(k + 1, 2)] for k in range(3)], axis=2)
    scores = [overlaps(one, before.own_labels().values)["cavity"] for one in (shown, reversed_, truth)]
    assert max(scores) > 0.95
    assert scores.index(max(scores)) != 2


def test_dropout_changes_and_repeats_by_its_seed() -> None:
    from cardioscar.lge.network.build import network_of
    from cardioscar.lge.network.specs import UNetSpec

    network = network_of(UNetSpec((8, 16))).eval()
    images = np.random.default_rng(0).standard_normal((2, 1, 32, 32)).astype(np.float32)
    from cardioscar.lge.inference.views import see

    plain = see(network, images, InferConfig(views=1)).probability
    dropped = [
        see(network, images, InferConfig(views=1, dropout_samples=3, dropout=0.3, seed=seed)).probability
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(dropped[0], dropped[1])
    assert np.abs(dropped[0] - dropped[2]).max() > 1e-4
    assert np.abs(dropped[0] - plain).max() > 1e-4
    np.testing.assert_array_equal(see(network, images, InferConfig(views=1)).probability, plain)


def test_temperature_softens_the_probability_and_leaves_what_is_likeliest() -> None:
    image = stack(heart((80, 80, 2), center=(40, 40)))
    sharp = segment(image, segmenter(), CPU)
    soft = segment(image, segmenter(temperature=5.0, calibrated=True), CPU)
    assert soft.calibrated
    assert soft.probability.max(axis=0).mean() < sharp.probability.max(axis=0).mean() - 0.02
    assert (soft.by_network == sharp.by_network).mean() > 0.99


def test_other_views_than_those_that_it_was_calibrated_with_are_said(caplog: pytest.LogCaptureFixture) -> None:
    image = stack(heart((80, 80, 2), center=(40, 40)))
    segment(image, segmenter(calibrated=True, views=2), CPU)
    assert not caplog.messages
    segment(image, segmenter(calibrated=True, views=8), CPU)
    assert caplog.messages == ["lge: probabilities were calibrated for 8 views and are of 2"]


def test_the_wall_does_not_give_way_where_muscle_and_scar_share_it() -> None:
    p = np.array([0.4, 0.28, 0.0, 0.32]).reshape(4, 1, 1, 1)
    assert labels_of(p).item() == Label.SCAR


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (np.full((40, 40, 3), 7.0), "a picture"),
        (np.where(np.arange(4800).reshape(40, 40, 3) == 9, np.nan, 1.0), "finite grey values"),
        (np.random.default_rng(0).normal(size=(90, 90, 3)), "a left ventricle"),
    ],
)
def test_what_shows_no_heart_is_refused(values: np.ndarray, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        segment(Volume(values, np.diag([1.5, 1.5, 8, 1]), "lge"), segmenter(), CPU)


def test_a_field_of_view_larger_than_a_scanner_is_refused_before_memory_is_asked_for() -> None:
    with pytest.raises(InputError, match="a field of view"):
        segment(Volume(np.eye(70)[..., None], np.diag([50.0, 50, 60, 1]), "lge"), segmenter(), CPU)


@pytest.mark.parametrize("wrong", [{"views": 3}, {"batch": 0}, {"dropout": 1.0}, {"search_slices": 0}])
def test_settings_that_cannot_be_are_refused_by_name(wrong: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        InferConfig(**wrong)
    with pytest.raises(ConfigError, match="island_mm2"):
        RulesConfig(island_mm2=-1)


def test_rules_can_be_left_out() -> None:
    off = dataclasses.replace(CPU, rules=NO_RULES)
    found = segment(stack(heart((80, 80, 2), center=(40, 40))), segmenter(), off)
    assert found.rules == ()
    np.testing.assert_array_equal(found.labels, found.by_network)
