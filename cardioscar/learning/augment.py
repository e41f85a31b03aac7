"""Augmentation of images and their labels: MONAI's transforms [@cardoso2022], composed in one place and seeded.

A rotation of a displacement or a velocity turns its vectors too, which is not done here: such images are varied by
effects of intensity alone.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal

import torch
from jaxtyping import Num, Shaped
from torch import Tensor

from cardioscar.errors import ConfigError, InputError
from cardioscar.learning.augment_config import AugmentConfig

Layout = Literal["2d", "2d+t", "3d"]
"""Axes after the channels: rows and columns; rows, columns and frames (or thick slices), all varied alike in the plane;
or three axes of a volume with voxels of about equal sides."""

_IMAGE, _LABELS = "image", "labels"
_BOTH = (_IMAGE, _LABELS)


class Augmentation:
    """Varies images, and labels with them.

    Args:
        config: Effects and their sizes.
        layout: Axes of the images.

    Raises:
        ConfigError: If MONAI is not installed, or an axis to mirror along is not there.
    """

    def __init__(self, config: AugmentConfig, layout: Layout = "2d") -> None:
        self.config, self.layout = config, layout
        self._axes = 2 if layout == "2d" else 3
        flat = 3 if layout == "3d" else 2
        if any(axis >= flat for axis in config.flip_axes):
            raise ConfigError("flip_axes", f"axes below {flat} for {layout}", str(config.flip_axes))
        self._compose = _composed(config, flat)

    def __call__(
        self, image: Num[Tensor, "channels ..."], labels: Shaped[Tensor, "maps ..."] | None = None, *, seed: int
    ) -> tuple[Tensor, Tensor | None]:
        """Vary one image.

        Args:
            image: Grey values of any scale, finite, on the CPU; those of magnitude images are at least 0, as the bias
                field, which multiplies them, wants it.
            labels: Label maps on the same grid, interpolated by the nearest neighbour: no new label comes up.
            seed: 0 to 2³² − 1; the same seed gives the same result, whatever came before.

        Returns:
            Image (float32) and labels (of their own type), of the shapes that they had.

        Raises:
            InputError: If a shape is not that of the layout, labels lie on another grid, or a value is not finite.
        """
        for name, one in ((_IMAGE, image), (_LABELS, labels)):
            if one is not None and (one.ndim != 1 + self._axes or one.shape[1:] != image.shape[1:]):
                raise InputError(name, f"channels and {self._axes} axes ({self.layout})", str(tuple(one.shape)))
        if not image.isfinite().all():
            raise InputError(_IMAGE, "finite grey values", "others")
        # effects are stated as shares of the image's own spread
        spread = float(image.to(torch.float64).std()) or 1.0
        given = {_IMAGE: self._folded(image.to(torch.float32) / spread)}
        if labels is not None:
            given[_LABELS] = self._folded(labels.to(torch.float32))
        self._compose.set_random_state(seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of another library's own making
            done = self._compose(given)
        varied = self._unfolded(_plain(done[_IMAGE]), image) * spread
        return varied, None if labels is None else self._unfolded(_plain(done[_LABELS]), labels).to(labels.dtype)

    def _folded(self, one: Tensor) -> Tensor:
        """Frames as channels: what happens in the plane happens to all of them alike."""
        return one.movedim(-1, 1).flatten(0, 1) if self.layout == "2d+t" else one

    def _unfolded(self, one: Tensor, like: Tensor) -> Tensor:
        if self.layout != "2d+t":
            return one.contiguous()
        return one.unflatten(0, (like.shape[0], like.shape[-1])).movedim(1, -1).contiguous()


def _composed(config: AugmentConfig, axes: int) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from monai import transforms
    except ImportError as error:
        raise ConfigError("augmentation", "MONAI, the extra 'learning' of cardioscar", "none") from error
    either = {"keys": _BOTH, "allow_missing_keys": True}
    smooth = "bilinear" if axes == 2 else "trilinear"
    effects = [_spatial(transforms, config, axes, either)]
    effects += [transforms.RandFlipd(**either, prob=0.5, spatial_axis=axis) for axis in config.flip_axes]
    chance: dict[str, Any] = {"keys": _IMAGE, "prob": config.chance}
    if config.lowest_resolution < 1:
        zoom = (config.lowest_resolution, 1.0)
        effects.append(transforms.RandSimulateLowResolutiond(**chance, upsample_mode=smooth, zoom_range=zoom))
    if config.bias:
        effects.append(transforms.RandBiasFieldd(**chance, coeff_range=(-config.bias, config.bias)))
    if config.contrast:
        factors = (-config.contrast, config.contrast)
        effects.append(transforms.RandScaleIntensityFixedMeand(**chance, factors=factors, fixed_mean=True))
    if config.gamma != (1.0, 1.0):
        effects.append(transforms.RandAdjustContrastd(**chance, gamma=config.gamma, retain_stats=True))
    if config.noise:
        effects.append(transforms.RandGaussianNoised(**chance, std=config.noise))
    return transforms.Compose([effect for effect in effects if effect is not None])


def _spatial(transforms: Any, config: AugmentConfig, axes: int, either: dict[str, Any]) -> Any:
    """Rotation, scaling and deformation in one interpolation: each further one would blur the image again."""
    turn, tilt = math.radians(config.rotate_degrees), math.radians(config.tilt_degrees)
    placed: dict[str, Any] = {
        **either,
        "prob": config.spatial_chance,
        "rotate_range": (turn,) if axes == 2 else (tilt, tilt, turn),
        "scale_range": (config.scale,) * axes,
        "mode": ("bilinear", "nearest"),
        "padding_mode": ("border", "zeros"),
    }
    if not config.elastic_pixels:
        return transforms.RandAffined(**placed)
    if axes == 2:
        # displacements of the control points are uniform: their root mean square is the largest one divided by √3
        largest, spacing = config.elastic_pixels * math.sqrt(3), (config.elastic_spacing,) * 2
        return transforms.Rand2DElasticd(**placed, spacing=spacing, magnitude_range=(0.0, largest))
    # white noise, uniform from -1 to 1, behind a Gaussian filter: what its root mean square is after the filter
    sigma = config.elastic_spacing / 4
    after = math.sqrt(1 / 3) * (2 * math.sqrt(math.pi) * sigma) ** -1.5
    magnitude = (0.0, config.elastic_pixels / after)
    return transforms.Rand3DElasticd(**placed, sigma_range=(sigma, sigma), magnitude_range=magnitude)


def _plain(one: Any) -> Tensor:
    return one.as_tensor() if hasattr(one, "as_tensor") else torch.as_tensor(one)
