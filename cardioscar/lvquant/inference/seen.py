"""What a network says of all slices of a cine, seen from several sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import Label
from cardioscar.lvquant.inference.quantifier import Quantifier
from cardioscar.lvquant.network.views import View


@dataclass(frozen=True)
class Seen:
    """Answers of a network; the first axis is the view.

    Attributes:
        cavity: Share of each pixel that is cavity, shape (views, i, j, slices, frames).
        wall: Share that is wall, likewise.
        areas_mm2: Regressed cavity and myocardium, shape (views, slices, frames, 2).
        dimensions_mm: Regressed IS–AL, I–A, IL–AS, shape (views, slices, frames, 3).
        thickness_mm: Regressed IS, I, IL, AL, A, AS, shape (views, slices, frames, 6).
        systole: Chance of systole, shape (views, slices, frames).
    """

    cavity: Float[np.ndarray, "views i j slices frames"]
    wall: Float[np.ndarray, "views i j slices frames"]
    areas_mm2: Float[np.ndarray, "views slices frames 2"]
    dimensions_mm: Float[np.ndarray, "views slices frames 3"]
    thickness_mm: Float[np.ndarray, "views slices frames 6"]
    systole: Float[np.ndarray, "views slices frames"]


def see(quantifier: Quantifier, cine: Cine, views: Sequence[View]) -> Seen:
    """Apply a network to each slice of a cine, in each view.

    Args:
        quantifier: Network.
        cine: Pictures about the heart, in pixels of a size that the network met.
        views: Turns and mirror images.
    """
    count, slices, frames = len(views), cine.slices, cine.frames
    shares = np.zeros((2, count, *cine.values.shape), dtype=np.float32)
    tables = {name: np.zeros((count, slices, frames, n)) for name, n in (("areas", 2), ("dims", 3), ("rwt", 6))}
    systole = np.zeros((count, slices, frames))
    for k in range(slices):
        image = np.ascontiguousarray(quantifier.normalise(cine.values[:, :, k]).transpose(2, 0, 1))
        for v, view in enumerate(views):
            pixel = torch.tensor(view.pixel_mm(cine.pixel_mm)[None], dtype=torch.float32)
            with torch.no_grad():
                found = quantifier.network(
                    torch.from_numpy(view.seen(image))[None].to(quantifier.device), pixel.to(quantifier.device)
                )
            classes = found.scores.float().softmax(dim=1)[0].cpu().numpy()
            for part, name in enumerate((Label.BLOOD_POOL, Label.MYOCARDIUM)):
                shares[part, v, :, :, k] = view.undone(classes[name]).transpose(1, 2, 0)
            tables["areas"][v, k] = found.areas_mm2[0].cpu().numpy()
            tables["dims"][v, k] = view.reordered(found.dimensions_mm[0].cpu().numpy())
            tables["rwt"][v, k] = view.reordered(found.thickness_mm[0].cpu().numpy())
            systole[v, k] = torch.sigmoid(found.systole[0].float()).cpu().numpy()
    return Seen(shares[0], shares[1], tables["areas"], tables["dims"], tables["rwt"], systole)
