"""Corridors through scar as a table for ablation, from the channels that a scar map has found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.errors import InputError
from cardioscar.types import NodeValues, Points

_KEPT = ("kind", "length_mm", "width_mm", "narrowest_mm", "open_probability", "position", "aha_segments")


def ablation_rows(
    channels: Sequence[Mapping[str, Any]],
    nodes_mm: Points | None = None,
    tos_ms: NodeValues | None = None,
    *,
    near_mm: float = 8.0,
) -> list[dict[str, Any]]:
    """Put channels into the order in which they are to be looked at: the surest to be open first.

    Args:
        channels: As a scar map describes them, each with `id`, `mouths_mm` (two positions), `length_mm`, `width_mm`,
            `narrowest_mm`, `open_probability`, `kind`, `position` and `aha_segments`.
        nodes_mm: Nodes of an activation map, in the same space.
        tos_ms: Onset at them.
        near_mm: The onset of a mouth is the mean within so far, or of the nearest node.

    Returns:
        For each channel `id`, `entrance_mm`, `exit_mm`, `entrance_tos_ms`, `exit_tos_ms`, and what the channel's row
        holds. With activation the entrance is the mouth that begins to shorten first, which is mechanical and need not
        be the electrical order; without it both onsets are None, and the entrance is the mouth that is named first.

    Raises:
        InputError: If a channel is no such row, or onsets do not fit the nodes.
    """
    if (nodes_mm is None) != (tos_ms is None) or (
        nodes_mm is not None and tos_ms is not None and len(nodes_mm) != len(tos_ms)
    ):
        raise InputError("tos_ms", "an onset for each node of the activation map", "others")
    tree = None if nodes_mm is None else cKDTree(nodes_mm)
    rows = []
    for channel in channels:
        missing = [name for name in ("id", "mouths_mm", *_KEPT) if name not in channel]
        if missing or np.shape(channel["mouths_mm"]) != (2, 3):
            raise InputError("channels", "two mouths and measures of each channel", "others")
        mouths = [[float(one) for one in mouth] for mouth in channel["mouths_mm"]]
        onsets: list[float | None] = [None, None]
        if tree is not None and tos_ms is not None:
            found = [_onset_ms(tree, tos_ms, mouth, near_mm) for mouth in mouths]
            if found[1] < found[0]:
                mouths, found = mouths[::-1], found[::-1]
            onsets = [round(one, 1) for one in found]
        kept = {name: channel[name] for name in _KEPT}
        if mouths != [[float(one) for one in mouth] for mouth in channel["mouths_mm"]]:
            kept["aha_segments"] = list(channel["aha_segments"])[::-1]
        rows.append(
            {
                "id": channel["id"],
                "entrance_mm": mouths[0],
                "exit_mm": mouths[1],
                "entrance_tos_ms": onsets[0],
                "exit_tos_ms": onsets[1],
                **kept,
            }
        )
    return sorted(
        rows, key=lambda row: -1.0 if row["open_probability"] is None else row["open_probability"], reverse=True
    )


def _onset_ms(tree: cKDTree, tos_ms: NodeValues, mouth_mm: list[float], near_mm: float) -> float:
    near = tree.query_ball_point(mouth_mm, near_mm) or [int(tree.query(mouth_mm)[1])]
    return float(np.mean(tos_ms[near]))
