"""The view of a scar map in 3D: what of `metrics.json` and mesh it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.report.scar3d.channels import colour_of
from cardioscar.report.viewer import ShownLine, ShownScar, viewer_content
from cardioscar.scar3d.quality.result import SubjectMetrics
from cardioscar.types import NodeValues


def scar_viewer(
    mesh: LVMesh,
    probability: NodeValues,
    uncertainty: NodeValues,
    metrics: SubjectMetrics,
    *,
    axis: np.ndarray | None = None,
    septal_direction: np.ndarray | None = None,
    slice_corners_mm: Sequence[Float[np.ndarray, "4 3"]] = (),
) -> dict[str, Any]:
    """What the page's template needs for the view in 3D.

    Args:
        mesh: The LV; of its point data `transmural` and `border_zone` are shown where they are.
        probability: Scar probability at each node, 0 to 1, shape (nodes,).
        uncertainty: Its standard deviation, shape (nodes,).
        metrics: Content of `metrics.json`.
        axis: Long axis from apex to base; default estimated from the nodes.
        septal_direction: From the LV to the septum; names the views.
        slice_corners_mm: Corners of each slice in order, LPS.
    """
    data = mesh.grid.point_data
    zoned = metrics.scar.border_zone_ml is not None and "border_zone" in data
    border_zone = np.asarray(data["border_zone"], dtype=float) if zoned else None
    scar = ShownScar(probability, uncertainty, metrics.threshold, metrics.doubt_range, border_zone)
    lines = [
        ShownLine(
            np.array(row.centreline_mm), colour_of(row), row.open_probability is None or row.open_probability >= 0.5
        )
        for row in metrics.channels or ()
        if row.centreline_mm
    ]
    return viewer_content(
        mesh, scar, axis=axis, septal_direction=septal_direction, lines=lines, slice_corners_mm=slice_corners_mm,
        guessed=metrics.septum is None or metrics.septum.source not in ("given", "mesh"),
    )  # fmt: skip
