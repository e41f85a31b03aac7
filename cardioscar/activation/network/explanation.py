"""Which strain made the network say what it says of some sectors: Grad-CAM of a task over the matrix.

Gradients and activations are captum's [@kokhlikyan2020].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cardioscar.activation.network.inputs import GRID_MS, TIMES, network_input
from cardioscar.activation.network.model import ActivationNetwork
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.resampling import resample_sectors
from cardioscar.activation.strain.sector_class import SectorClass
from cardioscar.errors import InputError, PlatformError

Task = Literal["onset", "normal", "late", "scarred"]
"""The onset in ms, or one of the classes."""
Way = Literal["grad-cam", "element-wise"]
"""Grad-CAM [@selvaraju2017] weighs each channel by its mean gradient, and so shows also strain far from the sectors
that are asked about; element by element [@draelos2020] it shows what these sectors can see."""


def explain(
    network: ActivationNetwork,
    one: StrainSlice,
    sectors: Sequence[int],
    task: Task,
    *,
    way: Way = "grad-cam",
    block: int = 1,
    signed: bool = False,
) -> Float[np.ndarray, "sectors frames"]:
    """Where in the strain matrix the network looks for its mean output of some sectors.

    Args:
        network: Trained, with a head for the task.
        one: The slice, as `check_strain` wants it.
        sectors: Numbers of the sectors that are asked about, of the slice's own.
        task: What is asked about them.
        way: How gradients and channels are put together.
        block: Of the network, 0 to 2, whose channels are shown: the later, the coarser in time.
        signed: Also what speaks for an earlier onset, or against the class, as negative values.

    Returns:
        For the slice's sectors and frames; the greatest size is 1, unless nothing speaks for it: then all are 0.

    Raises:
        InputError: If sectors, task or block are none of the slice or network.
        PlatformError: If captum is not installed.
    """
    chosen = sorted(set(sectors))
    if not chosen or chosen[0] < 0 or chosen[-1] >= one.sectors:
        raise InputError("sectors", f"numbers from 0 to {one.sectors - 1}", "others")
    if network.tasks == ("class" if task == "onset" else "onset"):
        raise InputError("task", "a task that the network has learned", task)
    if not 0 <= block < len(network.blocks):
        raise InputError("block", f"0 to {len(network.blocks) - 1}", str(block))
    try:
        from captum.attr import LayerGradCam, LayerGradientXActivation
    except ImportError:
        raise PlatformError("captum is not installed: pip install 'cardioscar[explain]'") from None
    device = next(network.parameters()).device
    share = np.zeros(one.sectors)
    share[chosen] = 1.0
    weights = torch.from_numpy(resample_sectors(share, SECTORS)).float().to(device)
    answer = _Answer(network, task, weights / weights.sum()).eval()
    values = torch.from_numpy(network_input(one))[None].to(device).requires_grad_()
    if way == "grad-cam":
        shown = LayerGradCam(answer, network.blocks[block]).attribute(values, attr_dim_summation=True)
    else:
        shown = LayerGradientXActivation(answer, network.blocks[block]).attribute(values).sum(dim=1, keepdim=True)
    coarse = shown[0, 0].detach().cpu().numpy().astype(np.float64)
    seen = _at_frames(coarse if signed else np.maximum(coarse, 0), one)
    greatest = float(np.abs(seen).max())
    return seen / greatest if greatest > 0 else seen


class _Answer(nn.Module):
    """The network's mean output of a task over some sectors, one number for each slice."""

    def __init__(self, network: ActivationNetwork, task: Task, weights: Tensor) -> None:
        super().__init__()
        self.network, self.task, self.weights = network, task, weights

    def forward(self, values: Tensor) -> Tensor:
        onset, logits = self.network(values)
        output = onset if self.task == "onset" else logits[:, int(SectorClass[self.task.upper()])]
        return (output * self.weights).sum(dim=1)


def _at_frames(shown: Float[np.ndarray, "sectors_ times_"], one: StrainSlice) -> Float[np.ndarray, "sectors frames"]:
    """A block's map at the frames of the slice, linearly between the middles of its steps."""
    every = TIMES // shown.shape[1]
    middles_ms = GRID_MS * (every * np.arange(shown.shape[1]) + (every - 1) / 2)
    at_frames = np.stack([np.interp(one.frame_ms, middles_ms, row) for row in shown])
    return resample_sectors(at_frames, one.sectors)
