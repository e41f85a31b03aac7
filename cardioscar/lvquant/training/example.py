"""Examples to train on: cine slices with what the network should say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import WALL, Label
from cardioscar.lvquant.cine_indices import CineIndices, cine_indices, indices_of_shares
from cardioscar.lvquant.network.intensity import normalised
from cardioscar.lvquant.network.spec import CLASSES
from cardioscar.lvquant.sectors import SeptumFrame, septum_frame
from cardioscar.lvquant.training.loss import CineTargets
from cardioscar.synthesis.cine.sample import draw_cine
from cardioscar.synthesis.cine.settings import CineConfig


@dataclass(frozen=True)
class Example:
    """One cine slice; NaN and −1 where something is not known.

    Attributes:
        image: Grey values as the network sees them, shape (frames, i, j), float32.
        labels: `Label` of each pixel without scar, likewise; −1 in frames in which nobody drew.
        areas_mm2: Shape (frames, 2).
        dimensions_mm: Shape (frames, 3).
        thickness_mm: Shape (frames, 6).
        systole: 1 or 0, shape (frames,).
        pixel_mm: Size of a pixel along i and j, shape (2,).
    """

    image: Float[np.ndarray, "frames i j"]
    labels: Int[np.ndarray, "frames i j"]
    areas_mm2: Float[np.ndarray, "frames 2"]
    dimensions_mm: Float[np.ndarray, "frames 3"]
    thickness_mm: Float[np.ndarray, "frames 6"]
    systole: Float[np.ndarray, " frames"]
    pixel_mm: Float[np.ndarray, " axes"]


def synthetic_example(seed: int, config: CineConfig | None = None) -> Example:
    """A random cine slice; everything about it is known.

    The phase is that of the ventricle, which beats above and below the slice too: it is known also where the slice
    shows no cavity.

    Args:
        seed: The same seed and settings give the same example.
        config: Settings of one slice.
    """
    return example_and_septum(seed, config)[0]


def example_and_septum(seed: int, config: CineConfig | None = None) -> tuple[Example, SeptumFrame]:
    """A random cine slice, see `synthetic_example`, and the directions of its heart."""
    sample = draw_cine(seed, config)
    cine = Cine(sample.image, sample.affine)
    # half of the pictures are mirror images; in the one order of storage none is, and sectors are counted in one sense
    septum = replace(septum_frame(cine.grid, septum_direction=sample.septum_direction), turn=1)
    indices = indices_of_shares(sample.cavity, sample.wall, cine, septum=septum)
    phases = np.mod(sample.phases, 1.0)
    end_systole = phases[int(np.argmax(sample.contraction))]
    systole = ((phases > 0) & (phases <= end_systole + 1e-9)).astype(np.float32)
    return _example(cine.values[:, :, 0], sample.labels[:, :, 0], indices, 0, systole, cine), septum


def labelled_examples(cine: Cine, labels: Cine, *, septum: SeptumFrame | None = None) -> list[Example]:
    """The slices of a labelled cine in which somebody drew a cavity.

    Args:
        cine: Grey values.
        labels: Its labels, on the same grid.
        septum: Directions of the heart; default by the patient's axes.
    """
    indices = cine_indices(labels, septum=septum)
    systole = np.full(cine.frames, np.nan, dtype=np.float32)
    if indices.systole is not None and indices.labelled.all():
        systole = indices.systole.astype(np.float32)
    drawn = (labels.values == Label.BLOOD_POOL).any(axis=(0, 1))
    found = []
    for k in np.flatnonzero(drawn.any(axis=1)):
        known = labels.values[:, :, k].astype(np.int64)
        known[known == Label.SCAR] = Label.MYOCARDIUM
        known[:, :, ~indices.labelled] = -1
        walled = np.isin(labels.values[:, :, k], WALL).any(axis=(0, 1))
        known[:, :, drawn[k] & ~walled] = -1  # a cavity alone: what is around it is not background
        found.append(_example(cine.values[:, :, k], known, indices, int(k), systole, cine))
    return found


def _example(
    image: np.ndarray, labels: np.ndarray, indices: CineIndices, k: int, systole: np.ndarray, cine: Cine
) -> Example:
    assert labels.max(initial=0) < CLASSES
    areas = np.stack([indices.cavity_mm2[k], indices.myocardium_mm2[k]], axis=-1)
    return Example(
        np.ascontiguousarray(normalised(image).transpose(2, 0, 1)),
        np.ascontiguousarray(labels.transpose(2, 0, 1)).astype(np.int64),
        areas.astype(np.float32),
        indices.dimensions_mm[k].astype(np.float32),
        indices.thickness_mm[k].astype(np.float32),
        systole,
        np.asarray(cine.pixel_mm, dtype=np.float32),
    )


def batch(examples: Sequence[Example]) -> tuple[Tensor, Tensor, CineTargets]:
    """Examples of one size as tensors: images (batch, frames, i, j), pixel sizes (batch, 2), and targets."""

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(one, name) for one in examples]))

    targets = CineTargets(
        stacked("labels"), stacked("areas_mm2"), stacked("dimensions_mm"), stacked("thickness_mm"), stacked("systole")
    )
    return stacked("image"), stacked("pixel_mm"), targets
