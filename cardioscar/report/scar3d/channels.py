"""Conducting channels in pictures: in 3D within the scar, and on the wall laid flat over its transmurality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.report.camera import (
    View,
    compass,
    half_height_mm,
    photograph,
    place_picture,
    standard_views,
    studio,
)
from cardioscar.report.offscreen import prepare_rendering
from cardioscar.report.page import Box
from cardioscar.report.scar3d.flat_wall import can_flatten, draw_flat_wall
from cardioscar.report.sides import long_axis, scar_side
from cardioscar.report.style import INK, MUTED, SCAR_CMAP, new_figure, styled
from cardioscar.scar3d.quality.result_scar import Channel
from cardioscar.types import NodeValues

# Told apart from each other and from the reds of the scar.
COLOURS = ("#00a087", "#3c78d8", "#8a4fc7", "#5f7f1f", "#007c91", "#b8860b")
"""Colours of the channels, in turn."""

_WALL, _LIKELY, _SCAR = "#aab4be", SCAR_CMAP(0.92), SCAR_CMAP(0.45)
# A channel of an open probability below this is drawn thin or dashed.
_OPEN = 0.5
_PANEL_IN, _FLAT_PANELS = 2.75, 1.35
"""Width of a view in inches, and of the wall laid flat in views."""
# Channels that find room in the legend.
_IN_LEGEND = 6


def colour_of(channel: Channel) -> str:
    """Colour of a channel in pictures and tables."""
    return COLOURS[(channel.id - 1) % len(COLOURS)]


def channel_rows(channels: Sequence[Channel]) -> list[dict[str, Any]]:
    """Rows of the table of channels, with their colour and segments as text."""
    return [
        {
            **vars(row),
            "colour": colour_of(row),
            "position": row.position or "not known",
            "segments": " → ".join(map(str, row.aha_segments)) or "not known",
        }
        for row in channels
    ]


def channels_note(channels: Sequence[Channel] | None, draws: int | None) -> str:
    """What was found, in a sentence; empty where nothing was looked for.

    >>> channels_note([], 64)
    'No channel was found: no living corridor runs through the scar.'
    """
    if channels is None:
        return ""
    if not channels:
        return "No channel was found: no living corridor runs through the scar."
    count = f"{len(channels)} channel{'s' if len(channels) > 1 else ''}"
    if not draws:
        return f"{count}. No draws of the scar say how probably they are open."
    opened = sum(_is_open(row) for row in channels)
    if len(channels) == 1:
        return f"{count}, {'open' if opened else 'closed'} in most of {draws} draws of the scar."
    return f"{count}, {opened} of them open in most of {draws} draws of the scar."


@styled
def channels_figure(
    mesh: LVMesh,
    scar_probability: NodeValues,
    channels: Sequence[Channel],
    *,
    threshold: float = 0.5,
    likely: float = 0.75,
    axis: np.ndarray | None = None,
    septal_direction: np.ndarray | None = None,
    doubtful: bool = False,
) -> Figure:
    """Draw the channels of a scar map.

    Args:
        mesh: The LV. Its point data `channel` gives the channels' tissue; `scar_transmurality`, `apicobasal`,
            `rotational` and `aha_segment`, where they are there, the flat map.
        scar_probability: At each node, 0 to 1, shape (nodes,).
        channels: Those of the map.
        threshold: Probability from which a node counts as scar.
        likely: Probability from which it is likely scar, beyond doubt.
        axis: Long axis from apex to base; default estimated from the nodes.
        septal_direction: From the LV to the septum; decides the side where there is no scar.
        doubtful: Whether the names of the walls are not to be relied on.

    Returns:
        A figure: the scar from outside and from the cavity, see-through, with the channels in it, and the wall laid
        flat.

    Raises:
        SceneUnavailableError: If this machine cannot render.
    """
    prepare_rendering()
    nodes_mm = mesh.nodes_mm
    axis = long_axis(nodes_mm) if axis is None else np.asarray(axis) / np.linalg.norm(axis)
    scar = np.where(scar_probability >= threshold, mesh.node_volumes_ml, 0.0)
    side = scar_side(nodes_mm, scar, axis, septal_direction)
    outside, inside, _ = standard_views(axis, side, "Scar" if scar.any() else "Septal")
    scale = max(half_height_mm(view, nodes_mm) for view in (outside, inside))
    parts = _parts(mesh, scar_probability, threshold, likely)
    pictures = []
    with studio(see_through=True) as plotter:
        for view in (outside, inside):
            _add(plotter, parts, channels, view)
            pictures.append((view, photograph(plotter, view, nodes_mm, scale)))
    drawn = [name for name in ("scar", "likely") if name in parts]
    return _compose(pictures, mesh, channels, {"scar": threshold, "likely": likely}, drawn, doubtful=doubtful)


def _parts(mesh: LVMesh, scar_probability: NodeValues, threshold: float, likely: float) -> dict[str, Any]:
    """Surfaces of wall, scar, likely scar and each channel."""
    grid = mesh.grid.copy(deep=False)
    grid.clear_data()  # of the shallow copy alone: the caller's arrays stay
    grid.point_data["scar"] = np.asarray(scar_probability, dtype=np.float32)
    number = np.asarray(mesh.grid.point_data["channel"]) if "channel" in mesh.grid.point_data else None
    parts = {"wall": grid.extract_surface(algorithm="dataset_surface")}
    for name, level in (("scar", threshold), ("likely", likely)):
        solid = grid.clip_scalar(scalars="scar", value=level, invert=False)
        if solid.n_cells:
            parts[name] = solid.extract_surface(algorithm="dataset_surface")
    if number is not None:
        for n in np.unique(number[number > 0]).tolist():
            grid.point_data["own"] = (number == n).astype(np.float32)
            solid = grid.clip_scalar(scalars="own", value=0.5, invert=False)
            if solid.n_cells:
                surface = solid.extract_surface(algorithm="dataset_surface")
                parts[f"channel {n}"] = surface.triangulate().smooth_taubin(n_iter=20, pass_band=0.08)
    return parts


def _add(plotter: Any, parts: Mapping[str, Any], channels: Sequence[Channel], view: View) -> None:
    """Put wall, scar and channels before the camera."""
    import pyvista as pv

    shine = {"smooth_shading": True, "ambient": 0.42, "diffuse": 0.64, "specular": 0.12, "copy_mesh": False}
    wall = parts["wall"]
    # Only the half of the wall that is looked at: the other would veil it.
    if view.cut_normal is not None:
        middle = np.asarray(wall.points, dtype=float).mean(axis=0)
        wall = wall.clip(normal=view.cut_normal, origin=middle, invert=False)
    plotter.add_mesh(wall, color=_WALL, opacity=0.22, **shine)
    for name, colour, opacity in (("scar", _SCAR, 0.30), ("likely", _LIKELY, 0.38)):
        if name in parts:
            plotter.add_mesh(parts[name], color=colour, opacity=opacity, **shine)
    for row in channels:
        opened = _is_open(row)
        body = parts.get(f"channel {row.id}")
        if body is not None:
            plotter.add_mesh(body, color=colour_of(row), opacity=0.55 if opened else 0.3, **shine)
        line = np.asarray(row.centreline_mm, dtype=float)
        tube = pv.lines_from_points(line).tube(radius=0.9 if opened else 0.45, n_sides=12)
        plotter.add_mesh(tube, color=colour_of(row), lighting=False)
        for mouth in (line[0], line[-1]):
            ball = pv.Sphere(radius=2.0 if opened else 1.4, center=mouth)
            plotter.add_mesh(ball, color=colour_of(row), **shine)


def _compose(
    pictures: Sequence[tuple[View, np.ndarray]],
    mesh: LVMesh,
    channels: Sequence[Channel],
    levels: Mapping[str, float],
    drawn: Sequence[str],
    *,
    doubtful: bool,
) -> Figure:
    flat = can_flatten(mesh)
    panels = len(pictures) + (_FLAT_PANELS if flat else 0)
    figure = new_figure(_PANEL_IN * panels, 3.95, constrained=False)
    width = 1 / panels
    for place, (view, picture) in enumerate(pictures):
        place_picture(figure, picture, place, width)
        figure.text(place * width + 0.012, 0.965, view.title, weight="bold", size=10.5, va="center")
        figure.text(place * width + 0.012, 0.915, view.caption, color=MUTED, size=8, va="center")
        compass(figure, view, place, width)
    kinds = {"scar": ("Scar", (*_SCAR[:3], 0.6)), "likely": ("Likely scar", _LIKELY)}
    handles: list[Any] = [
        Patch(color=kinds[name][1], label=f"{kinds[name][0]} (from {levels[name]:g})") for name in drawn
    ]
    handles += [
        Line2D([], [], color=colour_of(row), lw=3, ls="-" if _is_open(row) else (0, (1.5, 1)), label=_label(row))
        for row in channels[:_IN_LEGEND]
    ]
    if len(channels) > _IN_LEGEND:
        handles.append(Line2D([], [], lw=0, label=f"{len(channels) - _IN_LEGEND} more in the table"))
    figure.legend(
        handles=handles or [Line2D([], [], lw=0, label="No scar to show")],
        loc="upper center",
        bbox_to_anchor=(len(pictures) * width / 2, 0.14),
        ncols=max(len(handles), 1) if len(handles) < 4 else 3,
        columnspacing=1.4,
        handlelength=1.6,
        labelspacing=0.35,
        labelcolor=INK,
    )
    if flat:
        start = len(pictures) * width
        figure.text(start + 0.02, 0.965, "Wall laid flat", weight="bold", size=10.5, va="center")
        caption = "apex in the middle, base outside" + ("; names in doubt" if doubtful else "")
        figure.text(start + 0.02, 0.915, caption, color=MUTED, size=8, va="center")
        axes = figure.add_axes((start + 0.005, 0.03, 1 - start - 0.07, 0.86))
        bar = figure.add_axes((1 - 0.062, 0.2, 0.011, 0.5))
        lines = [(row, colour_of(row), _is_open(row)) for row in channels]
        draw_flat_wall(figure, axes, bar, mesh, lines, doubtful=doubtful)
    return figure


def panel_boxes(figure: Figure) -> list[Box]:
    """Where the views, which share a legend, and the wall laid flat stand in a figure of this module."""
    panels = figure.get_figwidth() / _PANEL_IN
    views = round(panels - _FLAT_PANELS) if panels % 1 else round(panels)
    if views < 1:
        return [(0.0, 0.0, 1.0, 1.0)]
    edge = views / panels
    return [(0.0, 0.0, edge, 1.0), *([(edge, 0.0, 1.0, 1.0)] if panels % 1 else [])]


def _label(row: Channel) -> str:
    share = row.open_probability
    return f"Channel {row.id}" + ("" if share is None else f", open {share:.0%}")


def _is_open(row: Channel) -> bool:
    share = row.open_probability
    return share is None or share > _OPEN
