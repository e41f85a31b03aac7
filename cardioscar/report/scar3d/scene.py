"""3D views of a scar map: from two opposite sides, cut open, and its uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

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
from cardioscar.report.sides import long_axis, scar_side
from cardioscar.report.style import (
    ACCENT,
    INK,
    MUTED,
    PAPER,
    SCAR_CMAP,
    UNCERTAINTY_CMAP,
    colour_bar,
    new_figure,
    styled,
)
from cardioscar.types import NodeValues

if TYPE_CHECKING:
    import pyvista as pv

_LINE_MM = 0.45
_OUTER = 0.97
"""Depth in the wall from which a node lies on the outer surface."""


@styled
def scene_figure(
    mesh: LVMesh,
    scar_probability: NodeValues,
    uncertainty: NodeValues | None = None,
    *,
    threshold: float = 0.5,
    axis: np.ndarray | None = None,
    septal_direction: np.ndarray | None = None,
) -> Figure:
    """Render the scar map on the LV wall.

    Args:
        mesh: The LV.
        scar_probability: At each node, 0 to 1, shape (nodes,).
        uncertainty: Standard deviation of it at each node, shape (nodes,); adds a fourth view.
        threshold: Probability from which a node counts as scar; drawn as a line.
        axis: Long axis from apex to base; default estimated from the nodes.
        septal_direction: From the LV to the septum; decides the side where there is no scar.

    Returns:
        A figure of three or four views, base up.

    Raises:
        SceneUnavailableError: If this machine cannot render.
    """
    prepare_rendering()
    nodes_mm = mesh.nodes_mm
    axis = long_axis(nodes_mm) if axis is None else np.asarray(axis) / np.linalg.norm(axis)
    scar = np.where(scar_probability >= threshold, mesh.node_volumes_ml, 0.0)
    views = standard_views(axis, scar_side(nodes_mm, scar, axis, septal_direction), "Scar" if scar.any() else "Septal")
    grid = _light_copy(mesh, scar_probability, uncertainty)
    surface = grid.extract_surface(algorithm="dataset_surface")
    parallel_scale = max(half_height_mm(view, nodes_mm) for view in views)
    outside, inside, opposite = views
    bare = [view for view in (outside, opposite) if _is_bare(mesh, scar, view)]
    # a scar that does not reach the outer surface is seen from the cavity alone: that view comes first
    first, second = (inside, outside) if scar.any() and outside in bare else (outside, inside)
    panels: list[tuple[str, View, np.ndarray, str]] = []
    top = 0.0
    with studio() as plotter:
        for view in (first, second, opposite):
            _add(plotter, grid, surface, "scar_probability", view, SCAR_CMAP, (0, 1), threshold)
            picture = photograph(plotter, view, nodes_mm, parallel_scale)
            note = "no scar reaches this surface" if scar.any() and view in bare else ""
            panels.append((view.title, view, picture, note))
        if uncertainty is not None:
            top = float(max(0.1, np.ceil(np.nanmax(uncertainty) * 20) / 20))
            _add(plotter, grid, surface, "uncertainty", first, UNCERTAINTY_CMAP, (0, top), threshold)
            panels.append(("Uncertainty", first, photograph(plotter, first, nodes_mm, parallel_scale), ""))
    return _compose(panels, threshold, top)


def _is_bare(mesh: LVMesh, scar: NodeValues, view: View) -> bool:
    """Whether the outer surface that a view looks at shows no scar; False where its nodes are not known."""
    if "transmural" not in mesh.grid.point_data:
        return False
    outer = np.asarray(mesh.grid.point_data["transmural"]) > _OUTER
    towards = (mesh.nodes_mm - mesh.nodes_mm.mean(axis=0)) @ view.direction > 0
    return not (scar[outer & towards] > 0).any()


def _light_copy(mesh: LVMesh, scar_probability: NodeValues, uncertainty: NodeValues | None) -> pv.UnstructuredGrid:
    grid = mesh.grid.copy(deep=False)
    grid.clear_data()  # of the shallow copy alone: the caller's arrays stay
    grid.point_data["scar_probability"] = np.asarray(scar_probability, dtype=np.float32)
    if uncertainty is not None:
        grid.point_data["uncertainty"] = np.asarray(uncertainty, dtype=np.float32)
    return grid


def _add(
    plotter: pv.Plotter,
    grid: pv.UnstructuredGrid,
    surface: pv.PolyData,
    name: str,
    view: View,
    cmap: Any,
    limits: tuple[float, float],
    threshold: float,
) -> None:
    """Put the heart before the camera, cut open where the view asks for it."""
    parts = [surface]
    if view.cut_normal is not None:
        middle = np.asarray(surface.points, dtype=float).mean(axis=0)
        parts = [
            surface.clip(normal=view.cut_normal, origin=middle, invert=False),
            grid.slice(normal=view.cut_normal, origin=middle),
        ]
    for part in parts:
        if part.n_points == 0:
            continue
        part.set_active_scalars(name)
        plotter.add_mesh(
            part,
            scalars=name,
            cmap=cmap,
            clim=limits,
            smooth_shading=True,
            split_sharp_edges=True,
            feature_angle=45,
            ambient=0.42,
            diffuse=0.64,
            specular=0.12,
            specular_power=12,
            show_scalar_bar=False,
            interpolate_before_map=True,
            n_colors=256,
            nan_color="#c9d0d6",
            copy_mesh=False,
        )
        line = part.contour([threshold], scalars="scar_probability") if part.n_cells else part
        if part.n_cells and line.n_points:
            tube = line.strip(join=True).tube(radius=_LINE_MM, n_sides=8)
            plotter.add_mesh(tube, color=INK if name == "scar_probability" else PAPER, lighting=False)


def _compose(panels: list[tuple[str, View, np.ndarray, str]], threshold: float, uncertainty_top: float) -> Figure:
    figure = new_figure(2.75 * len(panels), 3.95, constrained=False)
    width = 1 / len(panels)
    for place, (title, view, picture, note) in enumerate(panels):
        place_picture(figure, picture, place, width)
        figure.text(place * width + 0.012, 0.965, title, weight="bold", size=10.5, va="center")
        figure.text(place * width + 0.012, 0.915, view.caption, color=MUTED, size=8, va="center")
        if note:
            figure.text((place + 0.97) * width, 0.165, note, color=ACCENT, size=8, va="center", ha="right")
        compass(figure, view, place, width)
    scar_views = 3
    middle, span = scar_views * width / 2, min(0.3, scar_views * width * 0.42)
    bar = figure.add_axes((middle - span / 2, 0.098, span, 0.026))
    colour_bar(figure, ScalarMappable(Normalize(0, 1), SCAR_CMAP), "", cax=bar, orientation="horizontal")
    bar.axvline(threshold, color=INK, linewidth=1.6)
    bar.set_xlabel(f"Scar probability (line: {threshold:g})", color=MUTED, size=8)
    if len(panels) > scar_views:
        bar = figure.add_axes((scar_views * width + 0.18 * width, 0.098, 0.64 * width, 0.026))
        norm = Normalize(0, uncertainty_top)
        colour_bar(figure, ScalarMappable(norm, UNCERTAINTY_CMAP), "", cax=bar, orientation="horizontal")
        bar.set_xlabel(f"Standard deviation of it (line: probability {threshold:g})", color=MUTED, size=8)
    return figure
