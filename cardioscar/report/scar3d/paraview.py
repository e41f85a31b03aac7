"""A state of ParaView as a Python script: the map with our colours, the scar's surface, its uncertainty, and a cut.

A script and no `.pvsm`: that file repeats the proxies of one version of ParaView, of which nobody promises anything;
the functions of `paraview.simple` are documented and stay.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.files.atomic import atomic_file
from cardioscar.report.style import SCAR_CMAP, UNCERTAINTY_CMAP

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

_STEPS = 17
_SCRIPT = '''\
"""Opens {map_name} in ParaView: File > Load State…, or `paraview --state={script_name}`; it needs the file beside it.

Written by cardioscar {version}. Left: the wall by scar probability and the surface of the scar at {threshold:g}. Right:
the wall cut along its long axis, by uncertainty. The plane of the cut is that of the filter `cut` in the pipeline.
"""

import os

from paraview.simple import (
    AssignViewToLayout,
    Clip,
    ColorBy,
    Contour,
    CreateLayout,
    CreateView,
    GetColorTransferFunction,
    RenderAllViews,
    Show,
    XMLUnstructuredGridReader,
)

here = os.path.dirname(os.path.abspath(globals().get("__file__", {map_name!r})))
source = XMLUnstructuredGridReader(registrationName="scar map", FileName=[os.path.join(here, {map_name!r})])
source.UpdatePipeline()

layout = CreateLayout(name="scar")
layout.SplitHorizontal(0, 0.5)
left, right = CreateView("RenderView"), CreateView("RenderView")
AssignViewToLayout(view=left, layout=layout, hint=1)
AssignViewToLayout(view=right, layout=layout, hint=2)


def colour(name, points):
    """The colours of an array: value, red, green, blue, and so on."""
    colours = GetColorTransferFunction(name)
    colours.RGBPoints = points
    colours.ColorSpace = "RGB"
    colours.NanColor = [0.6, 0.6, 0.6]


colour("scar_probability", {probability})
colour({second!r}, {uncertainty})

wall = Show(source, left)
ColorBy(wall, ("POINTS", "scar_probability"))
wall.Opacity = 0.35
wall.SetScalarBarVisibility(left, True)

scar = Contour(registrationName="scar at {threshold:g}", Input=source)
scar.ContourBy = ["POINTS", "scar_probability"]
scar.Isosurfaces = [{threshold!r}]
surface = Show(scar, left)
ColorBy(surface, None)
surface.AmbientColor = surface.DiffuseColor = {scar_colour}

cut = Clip(registrationName="cut", Input=source)
cut.ClipType = "Plane"
cut.ClipType.Origin = {origin}
cut.ClipType.Normal = {normal}
half = Show(cut, right)
ColorBy(half, ("POINTS", {second!r}))
half.SetScalarBarVisibility(right, True)

for view in (left, right):
    view.Background = [1.0, 1.0, 1.0]
    view.UseColorPaletteForBackground = 0
    view.CameraFocalPoint = {origin}
    view.CameraPosition = {position}
    view.CameraViewUp = {up}
    view.ResetCamera(False)
RenderAllViews()
'''


def write_paraview_state(
    path: Path,
    map_name: str,
    *,
    nodes_mm: np.ndarray,
    uncertainty: np.ndarray | None,
    long_axis: np.ndarray,
    scar_direction: np.ndarray,
    threshold: float,
) -> None:
    """Write the script.

    Args:
        path: Ends in `.py`; it is to lie beside the map.
        map_name: Name of the map's `.vtu`, whose point data are `scar_probability` and `scar_uncertainty`.
        nodes_mm: Its nodes, mm, shape (nodes, 3).
        uncertainty: Standard deviation at the nodes, for the range of its colours; None where there is none: the cut
            shows the probability too.
        long_axis: Unit vector from apex to base.
        scar_direction: Unit vector across it to the side that is looked at; the cut keeps the half behind it.
        threshold: Probability from which wall is scar.
    """
    from cardioscar import __version__

    centre = (nodes_mm.min(axis=0) + nodes_mm.max(axis=0)) / 2
    size = float(np.linalg.norm(np.ptp(nodes_mm, axis=0)))
    known = None if uncertainty is None else uncertainty[np.isfinite(uncertainty)]
    top = float(known.max()) if known is not None and known.size and known.max() > 0 else 1.0
    text = _SCRIPT.format(
        map_name=map_name,
        script_name=path.name,
        version=__version__,
        threshold=threshold,
        second="scar_probability" if uncertainty is None else "scar_uncertainty",
        probability=_points(SCAR_CMAP, 1.0),
        uncertainty=_points(SCAR_CMAP, 1.0) if uncertainty is None else _points(UNCERTAINTY_CMAP, top),
        scar_colour=_numbers(np.array(SCAR_CMAP(0.7)[:3])),
        origin=_numbers(centre),
        normal=_numbers(scar_direction),
        position=_numbers(centre + 2 * size * scar_direction),
        up=_numbers(long_axis),
    )
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _points(colours: Colormap, top: float) -> str:
    values = np.linspace(0, 1, _STEPS)
    return _numbers(np.column_stack([values * top, np.array([colours(v)[:3] for v in values])]).ravel())


def _numbers(values: np.ndarray) -> str:
    return "[" + ", ".join(f"{value:.4g}" for value in values) + "]"
