"""The wall of the left ventricle laid flat: a disc with the apex in its middle, as in the AHA bullseye."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Wedge
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.report.bullseye import WALL_PLACES, segment_wedge
from cardioscar.report.style import INK, MUTED, PAPER, SCAR_CMAP, colour_bar
from cardioscar.scar3d.quality.result_scar import Channel

_NEEDED = ("scar_transmurality", "apicobasal", "rotational", "aha_segment")
_APEX_RADIUS = segment_wedge(17)[1]
_PIXELS = 270


def can_flatten(mesh: LVMesh) -> bool:
    """Whether the mesh has the point data that the flat map takes."""
    return all(name in mesh.grid.point_data for name in _NEEDED)


def flat_places(mesh: LVMesh) -> np.ndarray:
    """Where each node lies on the unit disc of the bullseye, shape (nodes, 2).

    Base outside, the cavity's apical end where segment 17 begins; anterior on top, septum on the left.
    """
    data = mesh.grid.point_data
    height, angle = np.asarray(data["apicobasal"], dtype=float), np.asarray(data["rotational"], dtype=float)
    apex = np.asarray(data["aha_segment"]) == 17
    end = float(height[apex].max()) if apex.any() else float(height.min())
    within = np.clip((height - end) / max(1 - end, 1e-9), 0, 1)
    beyond = np.clip(height / max(end, 1e-9), 0, 1)
    radius = np.where(apex, _APEX_RADIUS * beyond, _APEX_RADIUS + (1 - _APEX_RADIUS) * within)
    return np.column_stack([radius * np.cos(np.pi - angle), radius * np.sin(np.pi - angle)])


def draw_flat_wall(
    figure: Figure,
    axes: Any,
    bar_axes: Any,
    mesh: LVMesh,
    channels: Sequence[tuple[Channel, str, bool]],
    *,
    doubtful: bool = False,
) -> None:
    """Draw transmurality and channels on the disc.

    Args:
        figure: The figure.
        axes: Where the disc goes.
        bar_axes: Where its colour bar goes.
        mesh: The LV with the point data of `infer`.
        channels: Row of `metrics.json`, colour, and whether it is open, for each channel.
        doubtful: Whether the names of the walls are a guess.
    """
    places = flat_places(mesh)
    share = np.asarray(mesh.grid.point_data["scar_transmurality"], dtype=float)
    grid = np.linspace(-1, 1, _PIXELS)
    x, y = np.meshgrid(grid, grid)
    radius = np.hypot(x, y)
    wall = radius <= 1
    if not (np.asarray(mesh.grid.point_data["aha_segment"]) == 17).any():
        wall &= radius >= _APEX_RADIUS  # the apex was cut off: no tissue
    # the mean of the nearest nodes: those of one place lie over one another through the wall
    nearest = cKDTree(places).query(np.column_stack([x[wall], y[wall]]), k=min(6, len(places)))[1]
    picture = np.full(x.shape, np.nan)
    picture[wall] = share[nearest.reshape(len(nearest), -1)].mean(axis=1)
    axes.imshow(
        picture, cmap=SCAR_CMAP, vmin=0, vmax=1, extent=(-1, 1, -1, 1), origin="lower", interpolation="bilinear"
    ).set_clip_path(Circle((0, 0), 1, transform=axes.transData))
    for segment in range(1, 18):
        inner, outer, first, last = segment_wedge(segment)
        axes.add_patch(
            Wedge(
                (0, 0), outer, first, last, width=outer - inner, fill=False, edgecolor=MUTED, linewidth=0.5, alpha=0.6
            )
        )
    tree = cKDTree(mesh.nodes_mm)
    for row, colour, opened in channels:
        around = tree.query(np.asarray(row.centreline_mm, dtype=float), k=min(8, len(places)))[1]
        # one point is 2 mm of wall: the nodes about it scatter by as much
        line = gaussian_filter1d(places[around.reshape(len(around), -1)].mean(axis=1), 1.5, axis=0, mode="nearest")
        axes.plot(*line.T, color=PAPER, lw=4.6, solid_capstyle="round")
        axes.plot(*line.T, color=colour, lw=2.8, ls="-" if opened else (0, (1.5, 1)), solid_capstyle="round")
        axes.plot(*line[[0, -1]].T, "o", ms=6, mfc=colour, mec=PAPER, mew=1.2)
        middle = line[len(line) // 2]
        axes.plot(*middle, "o", ms=9, mfc=colour, mec=PAPER, mew=1.2)
        axes.text(*middle, str(row.id), color=PAPER, size=6.5, weight="bold", ha="center", va="center_baseline")
    for name, (right, up) in WALL_PLACES.items():
        turn = 90 if right < 0 else -90 if right > 0 else 0
        text = name + ("?" if doubtful else "")
        axes.text(1.08 * right, 1.08 * up, text, ha="center", va="center", rotation=turn, color=INK, size=8)
    axes.set(xlim=(-1.14, 1.14), ylim=(-1.14, 1.14), aspect="equal")
    axes.set_axis_off()
    bar = colour_bar(figure, ScalarMappable(Normalize(0, 1), SCAR_CMAP), "", cax=bar_axes)
    bar.set_ticks([0, 0.5, 1], labels=["0 %", "50 %", "100 %"])
    bar_axes.set_title("Scar,\n% of depth", color=MUTED, size=7.5, weight="normal", loc="center", pad=6)
