"""3D views of a plan: scar, onset and score on one wall, and where the sites are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.report.camera import (
    PIXELS,
    View,
    compass,
    half_height_mm,
    photograph,
    place_picture,
    standard_views,
    studio,
)
from cardioscar.report.offscreen import prepare_rendering
from cardioscar.report.study.colours import ONSET_CMAP, SCORE_CMAP, SITE
from cardioscar.report.style import INK, MUTED, SCAR_CMAP, colour_bar, new_figure, styled
from cardioscar.types import NodeValues, Points

_BALL_MM = 3.2
_TOWARDS_EYE_MM = 4.0
"""How far balls and numbers stand before the wall, so that it does not hide them."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One quantity of the wall.

    Attributes:
        key: `scar`, `activation` or `score`.
        title: What it is.
        unit: Below its colour bar.
        values: At the nodes.
        limits: Ends of its colours.
        cmap: Colours.
    """

    key: str
    title: str
    unit: str
    values: NodeValues
    limits: tuple[float, float]
    cmap: Any


def layers_of(
    scar_probability: NodeValues | None, tos_ms: NodeValues | None, score_ms: NodeValues | None
) -> list[Layer]:
    """What there is of scar, onset and score, with colours and rounded ends."""
    found = []
    if scar_probability is not None:
        found.append(Layer("scar", "Scar", "scar probability", scar_probability, (0.0, 1.0), SCAR_CMAP))
    if tos_ms is not None:
        low, high = (float(np.quantile(tos_ms, share)) for share in (0.02, 0.98))
        ends = (10 * np.floor(low / 10), max(10 * np.ceil(high / 10), 10 * np.floor(low / 10) + 10))
        found.append(Layer("activation", "Onset of shortening", "ms after the R wave", tos_ms, ends, ONSET_CMAP))
    if score_ms is not None:
        top = max(10.0, 10 * float(np.ceil(np.quantile(score_ms, 0.995) / 10)))
        found.append(Layer("score", "Score of sites", "late and free of scar, ms", score_ms, (0.0, top), SCORE_CMAP))
    return found


@styled
def plan_scenes(
    mesh: LVMesh, layers: Sequence[Layer], sites_mm: Points, *, axis: np.ndarray, septum: np.ndarray
) -> tuple[Figure, Figure]:
    """Render every layer from the side of the best site, and from the opposite one.

    Args:
        mesh: The wall.
        layers: One panel each.
        sites_mm: Positions of the sites, the best first, shape (sites, 3).
        axis: Long axis, from apex to base.
        septum: From the axis to the septum: the side that is looked at where there are no sites.

    Returns:
        A figure for each side, base up.

    Raises:
        SceneUnavailableError: If this machine cannot render.
    """
    prepare_rendering()
    side = sites_mm[0] - mesh.nodes_mm.mean(axis=0) if len(sites_mm) else septum
    side = side - (side @ axis) * axis
    front, _, back = standard_views(axis, side / np.linalg.norm(side), "Site")
    scale = max(half_height_mm(view, mesh.nodes_mm) for view in (front, back))
    figures = []
    with studio() as plotter:
        surface = _surface(mesh, layers)
        for view in (front, back):
            pictures = []
            for number, layer in enumerate(layers):
                _add(plotter, surface, f"layer_{number}", layer)
                for place in sites_mm:
                    _ball(plotter, place, view)
                pictures.append(photograph(plotter, view, mesh.nodes_mm, scale))
            figures.append(_composed(view, pictures, layers, mesh.nodes_mm, sites_mm, scale))
    return figures[0], figures[1]


def _surface(mesh: LVMesh, layers: Sequence[Layer]) -> Any:
    grid = mesh.grid.copy(deep=False)
    grid.clear_data()
    for number, layer in enumerate(layers):
        grid.point_data[f"layer_{number}"] = np.asarray(layer.values, dtype=np.float32)
    return grid.extract_surface(algorithm="dataset_surface")


def _add(plotter: Any, surface: Any, name: str, layer: Layer) -> None:
    surface.set_active_scalars(name)
    plotter.add_mesh(
        surface, scalars=name, cmap=layer.cmap, clim=layer.limits, smooth_shading=True, split_sharp_edges=True,
        feature_angle=45, ambient=0.42, diffuse=0.64, specular=0.12, specular_power=12, show_scalar_bar=False,
        interpolate_before_map=True, n_colors=256, nan_color="#c9d0d6", copy_mesh=False,
    )  # fmt: skip


def _ball(plotter: Any, place: np.ndarray, view: View) -> None:
    import pyvista as pv

    ball = pv.Sphere(radius=_BALL_MM, center=place + _TOWARDS_EYE_MM * view.direction)
    plotter.add_mesh(ball, color=SITE, ambient=0.5, diffuse=0.6, specular=0.2)


def _composed(
    view: View,
    pictures: Sequence[np.ndarray],
    layers: Sequence[Layer],
    nodes_mm: Points,
    sites_mm: Points,
    scale: float,
) -> Figure:
    figure = new_figure(2.75 * len(layers), 3.95, constrained=False)
    width = 1 / len(layers)
    for place, (layer, picture) in enumerate(zip(layers, pictures, strict=True)):
        place_picture(figure, picture, place, width)
        figure.text(place * width + 0.012, 0.965, layer.title, weight="bold", size=10.5, va="center")
        figure.text(place * width + 0.012, 0.915, view.caption, color=MUTED, size=8, va="center")
        compass(figure, view, place, width)
        _numbers(figure, view, nodes_mm, sites_mm, scale, place, width)
        bar = figure.add_axes((place * width + 0.2 * width, 0.098, 0.6 * width, 0.026))
        mappable = ScalarMappable(Normalize(*layer.limits), layer.cmap)
        colour_bar(figure, mappable, "", cax=bar, orientation="horizontal")
        bar.set_xlabel(layer.unit, color=MUTED, size=8)
    return figure


def _numbers(
    figure: Figure, view: View, nodes_mm: Points, sites_mm: Points, scale: float, place: int, width: float
) -> None:
    """Rank of each site that this side shows, on its ball."""
    corners = np.column_stack([nodes_mm @ view.right, nodes_mm @ view.up])
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    facing = (sites_mm - nodes_mm.mean(axis=0)) @ view.direction > 0
    per_mm = PIXELS[1] / (2 * scale)
    x0, y0 = (place + 0.5) * width * figure.bbox.width, 0.5225 * figure.bbox.height
    for rank, (site, seen) in enumerate(zip(sites_mm, facing, strict=True), start=1):
        if seen:
            x, y = (np.array([site @ view.right, site @ view.up]) - middle) * per_mm
            figure.text(
                (x0 + x) / figure.bbox.width, (y0 + y) / figure.bbox.height, str(rank), ha="center", va="center",
                size=8, weight="bold", color=INK,
            )  # fmt: skip
