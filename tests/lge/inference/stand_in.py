"""A network whose answer is known: labels by grey value; and stacks whose grey values say the labels."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from cardioscar.imaging.labels import Label
from cardioscar.imaging.volume import Volume
from cardioscar.lge.inference.config import RulesConfig
from cardioscar.lge.inference.segmenter import Segmenter

GREY = {Label.BACKGROUND: 0.0, Label.MYOCARDIUM: -2.4, Label.BLOOD_POOL: 2.2, Label.SCAR: 3.6}
RULES = ("one_ring", "half_ring", "likely_ends", "scar_in_wall", "islands", "continuity")
"""Names of the rules, in their order."""
NO_RULES = RulesConfig(**dict.fromkeys(RULES, False))  # type: ignore[arg-type]
OBLIQUE = np.array([[0.8, -0.36, -0.48], [0.6, 0.48, 0.64], [0.0, -0.8, 0.6]])
"""A turn whose third column is near the usual long axis (0.46 of right angle off is plenty)."""


class GreyNet(nn.Module):
    """Scores of the four labels by the distance of a normalised grey value from each label's.

    Args:
        sharpness: How sure it is.
        channel: The channel that it reads.
    """

    def __init__(self, sharpness: float = 4.0, channel: int = 0) -> None:
        super().__init__()
        self.sharpness, self.channel = nn.Parameter(torch.tensor(sharpness)), channel
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.shapes.append(tuple(x.shape))
        grey = x[:, self.channel]
        return torch.stack([-self.sharpness * (grey - GREY[label]) ** 2 for label in Label], dim=1)


def segmenter(**settings) -> Segmenter:
    network = settings.pop("network", None) or GreyNet()
    return Segmenter(network.eval(), (64, 64), 2.0, **settings)


def heart(
    shape: tuple[int, int, int] = (150, 140, 6),
    *,
    pixel_mm: float = 1.5,
    center: tuple[float, float] = (105.0, 45.0),
    radii_mm: tuple[float, float] = (12.0, 20.0),
    scar: float = 0.25,
) -> np.ndarray:
    """Labels of a ring in every slice, a share of whose turn is transmural scar."""
    i, j = np.indices(shape[:2])
    away = np.hypot(i - center[0], j - center[1]) * pixel_mm
    turn = (np.arctan2(j - center[1], i - center[0]) / (2 * np.pi)) % 1
    plane = np.zeros(shape[:2], dtype=np.uint8)
    ring = (away >= radii_mm[0]) & (away < radii_mm[1])
    plane[ring] = Label.MYOCARDIUM
    plane[ring & (turn < scar)] = Label.SCAR
    plane[away < radii_mm[0]] = Label.BLOOD_POOL
    return np.repeat(plane[..., None], shape[2], axis=2)


def stack(labels: np.ndarray, *, pixel_mm: float = 1.5, slice_mm: float = 8.0, seed: int = 0) -> Volume:
    """A picture of labels: a calm chest around 0 whose 5th and 95th percentiles are about ±1, the heart beyond it."""
    rng = np.random.default_rng(seed)
    calm = gaussian_filter(rng.standard_normal(labels.shape), (3, 3, 0))
    ranks = calm.ravel().argsort().argsort().reshape(labels.shape) / calm.size
    image = (2 * ranks - 1) * 1.1
    for label, grey in GREY.items():
        if label != Label.BACKGROUND:
            image[labels == label] = grey
    affine = np.eye(4)
    affine[:3, :3] = OBLIQUE @ np.diag([pixel_mm, pixel_mm, slice_mm])
    affine[:3, 3] = [-70, 30, 110]
    return Volume((100 * image + 300).astype(np.float32), affine, "lge")
