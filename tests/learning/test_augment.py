"""Augmentation says what it does, does it to image and labels alike, and does it again for the same seed."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from cardioscar.errors import ConfigError, InputError
from cardioscar.learning.augment_config import AugmentConfig
from cardioscar.learning.closed_axis import turn_closed_axis

pytest.importorskip("monai", reason="MONAI is not installed (extra: learning)")
from cardioscar.learning.augment import Augmentation

NOTHING: dict[str, Any] = {
    "rotate_degrees": 0.0, "scale": 0.0, "elastic_pixels": 0.0, "flip_axes": (), "bias": 0.0, "noise": 0.0,
    "gamma": (1.0, 1.0), "contrast": 0.0, "lowest_resolution": 1.0, "chance": 1.0, "spatial_chance": 1.0,
}  # fmt: skip
PLACES = {"2d": (0.2, -0.1), "2d+t": (0.2, -0.1), "3d": (0.2, -0.1, 0.1)}
SHAPES = {"2d": (1, 48, 40), "2d+t": (2, 48, 40, 5), "3d": (1, 32, 28, 24)}


def blob(layout: str) -> torch.Tensor:
    """A bright ball off the middle, smooth at its edge, on 1."""
    shape = SHAPES[layout]
    grids = torch.meshgrid(*(torch.linspace(-1, 1, n) for n in shape[1:]), indexing="ij")
    square = sum((grid - place) ** 2 for grid, place in zip(grids, PLACES[layout], strict=False))
    return (1 + 4 * torch.sigmoid(20 * (0.3 - square)))[None].repeat(shape[0], *(1 for _ in shape[1:]))


def only(layout: str, **changes: Any) -> Augmentation:
    return Augmentation(AugmentConfig(**(NOTHING | changes)), layout)  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", SHAPES)
def test_no_effect_leaves_all_as_it_was(layout: str) -> None:
    image = blob(layout)
    labels = (image > 3).to(torch.uint8)
    same, also = only(layout)(image, labels, seed=1)
    torch.testing.assert_close(same, image, rtol=0, atol=1e-5)
    assert torch.equal(also, labels)  # type: ignore[arg-type]
    assert also.dtype == torch.uint8  # type: ignore[union-attr]


@pytest.mark.parametrize("layout", SHAPES)
def test_the_same_seed_gives_the_same_whatever_came_before(layout: str) -> None:
    image, augment = blob(layout), Augmentation(AugmentConfig(chance=0.9, spatial_chance=0.9), layout)  # type: ignore[arg-type]
    first, _ = augment(image, seed=5)
    other, _ = augment(image, seed=6)
    torch.rand(7), np.random.rand(7)  # noqa: NPY002 - the state of the caller plays no part
    again, _ = Augmentation(AugmentConfig(chance=0.9, spatial_chance=0.9), layout)(image, seed=5)  # type: ignore[arg-type]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == image.shape
    assert first.isfinite().all()


@pytest.mark.parametrize("layout", SHAPES)
@pytest.mark.parametrize(
    "effect",
    [{"rotate_degrees": 90.0}, {"scale": 0.3}, {"elastic_pixels": 2.0}, {"flip_axes": (0, 1)}],
    ids=lambda effect: next(iter(effect)),
)
def test_labels_go_where_the_image_goes_and_no_label_is_new(layout: str, effect: dict[str, Any]) -> None:
    image = blob(layout)
    labels = torch.where(image > 4.5, 7, torch.where(image > 3, 3, 0)).to(torch.int16)
    moved = 0
    for seed in range(6):
        varied, also = only(layout, **effect)(image, labels, seed=seed)
        assert also is not None
        assert set(also.unique().tolist()) <= {0, 3, 7}
        # nearest against linear interpolation: they may differ by half a pixel at the rim, of which a ball of eight
        # voxels' radius has more than a disc of twelve pixels'
        off = ((varied > 3) != (also > 0)).float().mean() / (labels > 0).float().mean()
        assert off < (0.2 if layout == "3d" else 0.12)
        moved += not torch.equal(also, labels)
    assert moved >= 3


@pytest.mark.parametrize("layout", SHAPES)
@pytest.mark.parametrize(
    "effect",
    [{"bias": 0.4}, {"noise": 0.3}, {"gamma": (0.5, 0.6)}, {"contrast": 0.4}, {"lowest_resolution": 0.3}],
    ids=lambda effect: next(iter(effect)),
)
def test_effects_of_intensity_leave_the_labels_alone(layout: str, effect: dict[str, Any]) -> None:
    image = blob(layout)
    labels = (image > 3).to(torch.uint8)
    changed = 0
    for seed in range(4):
        varied, also = only(layout, **effect)(image, labels, seed=seed)
        assert torch.equal(also, labels)  # type: ignore[arg-type]
        changed += float((varied - image).abs().max()) > 0.01
    assert changed >= 3


def test_noise_is_a_share_of_the_images_own_spread() -> None:
    for scale in (1.0, 500.0):
        image = blob("2d") * scale
        spreads = [float((only("2d", noise=0.2)(image, seed=s)[0] - image).std() / image.std()) for s in range(30)]
        # the standard deviation is drawn from 0 to the largest
        assert 0.15 < max(spreads) < 0.21
        assert 0.07 < sum(spreads) / 30 < 0.13


def test_a_deformation_has_the_size_that_is_asked_for() -> None:
    ramp = {"2d": torch.arange(96.0)[None, :, None].repeat(1, 1, 96), "3d": torch.arange(48.0)[None, :, None, None]}
    ramp["3d"] = ramp["3d"].repeat(1, 1, 48, 48)
    for layout, image in ramp.items():
        inner = (slice(None), *(slice(12, -12) for _ in image.shape[1:]))
        augment = only(layout, elastic_pixels=2.0, elastic_spacing=16.0)
        moves = [float((augment(image, seed=s)[0] - image)[inner].square().mean().sqrt()) for s in range(12)]
        assert 1.0 < max(moves) < 2.8  # the size is drawn from 0 to the largest


def test_all_frames_are_moved_alike_and_each_has_its_own_noise() -> None:
    image = blob("2d+t")
    moved, _ = only("2d+t", rotate_degrees=90.0, elastic_pixels=2.0)(image, seed=2)
    assert not torch.equal(moved, image)
    for frame in range(5):
        assert torch.equal(moved[0, ..., frame], moved[1, ..., 0])
    noisy, _ = only("2d+t", noise=0.2)(image, seed=2)
    assert not torch.equal(noisy[0, ..., 0], noisy[0, ..., 1])


def test_a_flip_is_exact() -> None:
    image = torch.rand(1, 6, 5)
    seen = {tuple(only("2d", flip_axes=(0, 1))(image, seed=s)[0].flatten().tolist()) for s in range(40)}
    wanted = {tuple(image.flip(axes).flatten().tolist()) for axes in ((), (1,), (2,), (1, 2))}
    assert len(seen) == 4
    for one, other in zip(sorted(seen), sorted(wanted), strict=True):
        assert one == pytest.approx(other, abs=1e-6)  # divided by its spread and multiplied again


@pytest.mark.parametrize(
    ("image", "labels", "message"),
    [
        (torch.ones(8, 8), None, r"image: expected channels and 2 axes \(2d\), found \(8, 8\)"),
        (torch.ones(1, 8, 8), torch.ones(1, 8, 7), r"labels: expected channels and 2 axes \(2d\), found \(1, 8, 7\)"),
        (torch.full((1, 8, 8), torch.nan), None, "image: expected finite grey values, found others"),
    ],
)
def test_what_is_no_image_is_refused(image: torch.Tensor, labels: torch.Tensor | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        only("2d")(image, labels, seed=0)


def test_a_constant_image_stays_finite() -> None:
    augment = Augmentation(AugmentConfig(chance=1.0))
    assert all(augment(torch.full((1, 16, 16), 3.0), seed=s)[0].isfinite().all() for s in range(10))


@pytest.mark.parametrize(
    "wrong", [{"chance": 1.5}, {"scale": 1.0}, {"gamma": (2.0, 1.0)}, {"flip_axes": (3,)}, {"elastic_spacing": 0.0},
              {"lowest_resolution": 0.0}, {"noise": -1.0}],
)  # fmt: skip
def test_settings_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        AugmentConfig(**wrong)
    with pytest.raises(ConfigError, match="flip_axes"):
        Augmentation(AugmentConfig(flip_axes=(2,)), "2d+t")


def test_settings_are_light_and_monai_comes_late() -> None:
    code = "import sys, cardioscar.learning.augment; print(sorted({'monai'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_closed_axis_is_turned_alike_in_all_arrays() -> None:
    rng = np.random.default_rng(0)
    marks = np.arange(12.0)
    seen = set()
    for _ in range(200):
        turned = turn_closed_axis({"a": np.tile(marks, (3, 1)), "b": marks}, {"a": 1, "b": 0}, rng)
        assert (turned["a"] == turned["b"]).all()
        steps = np.diff(turned["b"]) % 12
        assert set(steps) in ({1.0}, {11.0})
        seen.add((turned["b"][0], steps[0]))
    assert len(seen) == 24
    with pytest.raises(ValueError, match="closed axes differ"):
        turn_closed_axis({"a": marks, "b": marks[:5]}, {"a": 0, "b": 0}, rng)
