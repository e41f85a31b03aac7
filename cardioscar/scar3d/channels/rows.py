"""What is said about each conducting channel: numbers for a table, ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.imaging.tetrahedra import Tetrahedra
from cardioscar.scar3d.channels.centreline import STEP_MM
from cardioscar.scar3d.channels.channel import Channel
from cardioscar.scar3d.channels.wall_column import gradient_at

# Points of the centreline that are written down lie so far apart.
_WRITTEN_MM = 2.0
# Transmural extent from which a channel belongs to no side of the wall.
_WHOLE_WALL = 0.6


def channel_rows(
    channels: Sequence[Channel], mesh: LVMesh, cells: Tetrahedra, open_probability: Sequence[float]
) -> list[dict[str, Any]]:
    """Describe channels.

    Args:
        channels: The channels; the first gets the id 1.
        mesh: The mesh that they were found on. Its point data `transmural`, `apicobasal` and `aha_segment` are used
            where they are there.
        cells: Its tetrahedra.
        open_probability: Share of draws in which each is open; NaN where there were none.

    Returns:
        For each channel: `id`; `kind` (`corridor` or `groove`); `length_mm`; `width_mm` (median) and `narrowest_mm`;
        `orientation` (unit vector LPS from mouth to mouth, towards the base) and `angle_to_long_axis_deg` (0 to 90,
        within the wall: 0 along the ventricle, 90 around it); `position` (`endocardial`, `mid-wall`, `epicardial`,
        `transmural`) and `transmural_range`; `covered` (share of its length); `mouths_mm`; `aha_segments` in the order
        in which it runs; `open_probability`; `threshold` at which it was found; `volume_ml`; `centreline_mm`. None
        where something is not known.
    """
    data, volumes = mesh.grid.point_data, mesh.node_volumes_ml
    rows = []
    for number, (channel, share) in enumerate(zip(channels, open_probability, strict=True), start=1):
        line = channel.line.points_mm
        up = _upwards(mesh, cells, channel)
        flip = up is not None and (line[-1] - line[0]) @ up.mean(axis=0) < 0
        if flip:
            line = line[::-1]
        path = channel.path[::-1] if flip else channel.path
        steps = max(2, round(channel.line.length_mm / _WRITTEN_MM) + 1)
        written = line[np.unique(np.linspace(0, len(line) - 1, steps).round().astype(int))]
        rows.append(
            {
                "id": number,
                "kind": channel.kind,
                "length_mm": round(channel.line.length_mm, 1),
                "width_mm": round(float(np.median(channel.width_mm)), 1),
                "narrowest_mm": round(float(channel.width_mm.min()), 1),
                "orientation": [round(float(x), 3) for x in channel.line.orientation * (-1 if flip else 1)],
                "angle_to_long_axis_deg": _angle(mesh, cells, channel),
                **_depth(data, channel),
                "covered": round(channel.covered, 2) if "transmural" in data else None,
                "mouths_mm": [[round(float(x), 1) for x in point] for point in (line[0], line[-1])],
                "aha_segments": _segments(data, path),
                "open_probability": None if math.isnan(share) else round(float(share), 3),
                "threshold": channel.threshold,
                "volume_ml": round(float(volumes[channel.nodes].sum()), 3),
                "centreline_mm": [[round(float(x), 1) for x in point] for point in written],
            }
        )
    return rows


def _upwards(mesh: LVMesh, cells: Tetrahedra, channel: Channel) -> np.ndarray | None:
    """Unit vectors towards the base at the nodes of the path, or None where there are no coordinates."""
    data = mesh.grid.point_data
    if "apicobasal" not in data:
        return None
    slope = gradient_at(mesh.nodes_mm, cells, np.asarray(data["apicobasal"]), channel.path)
    return slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12)


def _angle(mesh: LVMesh, cells: Tetrahedra, channel: Channel) -> float | None:
    """Angle between the channel and the direction apex to base, both within the wall."""
    up = _upwards(mesh, cells, channel)
    if up is None or "transmural" not in mesh.grid.point_data:
        return None
    outward = gradient_at(mesh.nodes_mm, cells, np.asarray(mesh.grid.point_data["transmural"]), channel.path)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-12)
    up = up - np.einsum("ij,ij->i", up, outward)[:, None] * outward
    up /= np.maximum(np.linalg.norm(up, axis=1, keepdims=True), 1e-12)
    line = channel.line.points_mm
    steps = np.diff(line, axis=0)
    nearest = cKDTree(mesh.nodes_mm[channel.path]).query((line[1:] + line[:-1]) / 2)[1]
    along = np.einsum("ij,ij->i", steps, up[nearest]).sum()
    around = np.einsum("ij,ij->i", steps, np.cross(outward, up)[nearest]).sum()
    if math.hypot(along, around) < STEP_MM:
        return None
    return round(math.degrees(math.atan2(abs(around), abs(along))), 0)


def _depth(data: Any, channel: Channel) -> dict[str, Any]:
    if "transmural" not in data:
        return {"position": None, "transmural_range": None}
    depth = np.asarray(data["transmural"], dtype=float)[channel.nodes]
    low, high = (float(x) for x in np.percentile(depth, [5, 95]))
    middle = float(depth.mean())
    if high - low >= _WHOLE_WALL:
        position = "transmural"
    else:
        position = "endocardial" if middle < 1 / 3 else "epicardial" if middle > 2 / 3 else "mid-wall"
    return {"position": position, "transmural_range": [round(low, 2), round(high, 2)]}


def _segments(data: Any, path: np.ndarray) -> list[int]:
    if "aha_segment" not in data:
        return []
    return list(dict.fromkeys(int(n) for n in np.asarray(data["aha_segment"])[path]))
