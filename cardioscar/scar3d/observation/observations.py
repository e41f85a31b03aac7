"""What the slices of one subject say of the nodes that their pixels see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardioscar.errors import ConfigError, InputError
from cardioscar.scar3d.observation.lv_frame import LVFrame, lv_frame
from cardioscar.types import GroupNumbers, GroupOffsets, GroupValues, Points


@dataclass(frozen=True)
class Observations:
    """One subject's pixels and the nodes that they see, in group order.

    Attributes:
        nodes_mm: Positions of the sorted nodes in mm LPS, shape (nodes, 3).
        group_offsets: CSR offsets, shape (groups + 1,).
        targets: Scar fraction of each group, 0 to 1.
        pixels: Pixels that each group averages; they weigh the group in the loss.
        batch_groups: First group of each batch, then the number of groups (reference method).
        slice_number: Slice of each group, which a fit with a prior finds the heart's axes by; None where not known.

    Raises:
        InputError: If a target is no fraction from 0 to 1.
    """

    nodes_mm: Points
    group_offsets: GroupOffsets
    targets: GroupValues
    pixels: GroupNumbers
    batch_groups: np.ndarray
    slice_number: np.ndarray | None = None

    def __post_init__(self) -> None:
        wrong = int((~((self.targets >= -1e-6) & (self.targets <= 1 + 1e-6))).sum())
        if wrong:
            raise InputError("targets", "scar fractions from 0 to 1", f"{wrong} others in {len(self.targets)} groups")


def frame_of(observations: Observations) -> LVFrame:
    """The heart's own axes and size, in which a network is shared with other hearts.

    Raises:
        ConfigError: If the observations do not know their slices.
        GeometryError: If the slices do not tell the axes.
    """
    if observations.slice_number is None:
        raise ConfigError("prior", "observations that know their slices", "some that do not")
    return lv_frame(observations.nodes_mm, observations.group_offsets, observations.slice_number)
