"""What each way says of slices that no network has seen, held against the truth."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from benchmarks.lv_indices.drawn import DrawnSlice
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.labels import Label
from cardioscar.lvquant.agreement import FrameIndices
from cardioscar.lvquant.cine_indices import indices_of_shares
from cardioscar.lvquant.inference.ventricle import ventricle_alone
from cardioscar.lvquant.network.cine_net import CineNet, CineOutput
from cardioscar.lvquant.network.spec import INDICES
from cardioscar.lvquant.network.views import VIEWS
from cardioscar.lvquant.sectors import SeptumFrame
from cardioscar.lvquant.training.example import Example
from cardioscar.lvquant.training.pool import PoolLosses, SegmentedSlice


def true_indices(example: Example) -> FrameIndices:
    """The truth; indices of frames that show no cavity are not known, their phase is."""
    table = np.concatenate([example.areas_mm2, example.dimensions_mm, example.thickness_mm], axis=-1)
    shown = np.nan_to_num(example.areas_mm2[:, 0]) > 0
    return FrameIndices(np.where(shown[:, None], table, np.nan), example.systole > 0.5)


def regressed(network: CineNet, slices: Sequence[SegmentedSlice], tasks: Collection[str]) -> list[FrameIndices]:
    """What a network regresses; NaN and None for what it did not learn."""
    seen = PoolLosses(network, lambda _, __: torch.zeros(()), slices, batch=1, seed=0, device=torch.device("cpu"))
    network.eval()
    found = []
    for one in slices:
        with torch.no_grad():
            output, _ = seen.answered([one.seen(VIEWS[0])])
        found.append(_said(output, tasks))
    return found


def _said(output: CineOutput, tasks: Collection[str]) -> FrameIndices:
    parts = zip(INDICES, (output.areas_mm2, output.dimensions_mm, output.thickness_mm), strict=True)
    table = [one[0].double().numpy() if name in tasks else np.full(one.shape[1:], np.nan) for name, one in parts]
    phase = (output.systole[0] > 0).numpy() if "phase" in tasks else None
    return FrameIndices(np.concatenate(table, axis=-1), phase)


def measured(one: DrawnSlice) -> FrameIndices:
    """The indices from the segmentation alone, by the rules of quantification.

    The rules are told where the septum is; a network is not.
    """
    affine = np.diag([*np.asarray(one.seen.example.pixel_mm, dtype=float), 8.0, 1.0])
    shares = one.seen.shares.astype(np.float32).transpose(0, 2, 3, 1)[:, :, :, None]
    grid = Cine(shares[0], affine)
    cavity, wall = ventricle_alone(shares[Label.BLOOD_POOL], shares[Label.MYOCARDIUM], grid, least_surrounded=0.5)
    found = indices_of_shares(cavity, wall, grid, septum=SeptumFrame(one.septum_rad, 1))
    areas = np.stack([found.cavity_mm2, found.myocardium_mm2], axis=-1)
    table = np.concatenate([areas, found.dimensions_mm, found.thickness_mm], axis=-1)[0]
    shown = np.nan_to_num(found.cavity_mm2[0]) > 0
    return FrameIndices(np.where(shown[:, None], table, np.nan), found.systole)
