"""Where the left ventricle is in the plane, over all slices and times."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import Label
from cardioscar.lvquant.inference.quantifier import Quantifier
from cardioscar.lvquant.inference.ventricle import largest_piece

LOOKED_AT = 5
"""Frames, spread over the beat, in which the ventricle is looked for in whole pictures."""


def locate(quantifier: Quantifier, cine: Cine) -> Float[np.ndarray, " axes"] | None:
    """Index along i and j about which the ventricle lies in all slices and frames; None where none is found.

    The cavity is looked for in whole pictures, slice by slice; the largest piece that is connected over slices and
    times is the ventricle, so that an aorta, a stomach or a bright vessel in some slices does not draw it aside.

    Args:
        quantifier: Network.
        cine: In pixels of a size that the network met.
    """
    frames = np.unique(np.linspace(0, cine.frames, LOOKED_AT, endpoint=False).astype(int))
    cavity = np.zeros((*cine.values.shape[:3], len(frames)), dtype=np.float32)
    for k in range(cine.slices):
        image = quantifier.normalise(cine.values[:, :, k])[..., frames]
        with torch.no_grad():
            seen = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].to(quantifier.device)
            scores = quantifier.network.segment(seen)[0]
        shares = scores.float().softmax(dim=1)[0, Label.BLOOD_POOL]
        cavity[:, :, k] = shares.cpu().numpy().transpose(1, 2, 0)
    body = largest_piece(cavity >= 0.5)
    if not body.any():
        return None
    return np.asarray(np.argwhere(body)[:, :2].mean(axis=0))
