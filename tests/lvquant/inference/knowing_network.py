"""A network that knows the truth: its pictures say where they are, so that it looks up what is there.

The grey value of each pixel is its own number. Wherever the picture is cut, turned or mirrored, the network answers
with the true shares, and with true indices in the order that the view asks for.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cardioscar.imaging.cine import Cine
from cardioscar.lvquant.cine_indices import CineIndices
from cardioscar.lvquant.inference.quantifier import Quantifier
from cardioscar.lvquant.network.cine_net import CineOutput
from cardioscar.lvquant.network.region import Region


def numbered(shape: tuple[int, ...], affine: np.ndarray, times_ms: np.ndarray | None = None) -> Cine:
    """A cine whose grey values number its pixels; float32 holds them exactly."""
    assert np.prod(shape) < 2**24
    return Cine(np.arange(np.prod(shape), dtype=np.float32).reshape(shape), affine, times_ms, "cine")


class KnowingNetwork:
    """Args: true shares of cavity and wall, true indices, systole; `scale` is the error of what the heads say."""

    def __init__(self, cavity: np.ndarray, wall: np.ndarray, truth: CineIndices, *, scale: float = 1.0) -> None:
        self.shape = cavity.shape
        self.shares = np.stack([1 - cavity - wall, wall, cavity]).reshape(3, -1)
        self.truth, self.scale = truth, scale
        self.windows: list[tuple[int, ...]] = []

    def segment(self, image: Tensor) -> list[Tensor]:
        places = image.numpy().astype(int)
        found = np.log(np.clip(self.shares[:, places], 1e-8, None)).swapaxes(0, 1)
        return [torch.tensor(found, dtype=torch.float32)]

    def __call__(self, image: Tensor, pixel_mm: Tensor) -> CineOutput:
        places = image.numpy().astype(int)
        self.windows.append(places.shape)
        i, j, k, t = (axis[0] for axis in np.unravel_index(places, self.shape))
        slice_, frames = int(k[0, 0, 0]), t[:, 0, 0]
        assert (k == slice_).all()
        steps = np.array([[np.diff(a[0], axis=x)[0, 0] for x in (0, 1)] for a in (i, j)])
        order = slice(None, None, -1 if np.linalg.det(steps) < 0 else 1)
        areas = np.stack([self.truth.cavity_mm2, self.truth.myocardium_mm2], axis=-1)

        def said(values: np.ndarray) -> Tensor:
            return torch.tensor(np.nan_to_num(values[slice_, frames]) * self.scale)[None]

        assert self.truth.systole is not None
        return CineOutput(
            self.segment(image)[0],
            (),
            Region(torch.zeros(1, 2), torch.ones(1)),
            said(areas),
            said(self.truth.dimensions_mm[..., order]),
            said(self.truth.thickness_mm[..., order]),
            torch.tensor(np.where(self.truth.systole[frames], 5.0, -5.0))[None],
        )


def knowing(network: KnowingNetwork, pixels: tuple[int, int]) -> Quantifier:
    return Quantifier(network, pixels, (0.9, 2.5), lambda values: np.asarray(values, dtype=np.float32))
