"""A scar map that one turns in the hand: what the page carries of it, and the script that draws it."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from jaxtyping import Float
from markupsafe import Markup
from matplotlib.colors import to_hex

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.report.page import template_source
from cardioscar.report.scar3d.channels import colour_of
from cardioscar.report.scar3d.scene import long_axis, scar_side
from cardioscar.report.style import SCAR_CMAP, UNCERTAINTY_CMAP
from cardioscar.report.wall_volume import WallVolume, wall_volume
from cardioscar.scar3d.quality.result import SubjectMetrics
from cardioscar.types import NodeValues

DENSITY_G_PER_ML = 1.05
"""Myocardium (Vinnakota & Bassingthwaighte 2004)."""
THIRDS = ("Endocardial third", "Middle third", "Epicardial third")
_PARTS = ("surface_nets.js", "viewer_shader.js", "viewer_data.js", "viewer_scene.js", "viewer.js", "slices.js")
_HEALTHY, _POSSIBLE, _UNCERTAIN, _LIKELY = "#ece6dd", "#f2b277", "#df5f4a", "#7a154a"


def viewer_script() -> str:
    """three.js and the page's own script, as one text."""
    library = files("cardioscar.report").joinpath("assets", "three.min.js").read_text(encoding="utf-8")
    return "\n".join([library, *map(template_source, _PARTS)])


def viewer_content(
    mesh: LVMesh,
    probability: NodeValues,
    uncertainty: NodeValues,
    metrics: SubjectMetrics,
    *,
    axis: np.ndarray | None = None,
    septal_direction: np.ndarray | None = None,
    slice_corners_mm: Sequence[Float[np.ndarray, "4 3"]] = (),
    activation_ms: NodeValues | None = None,
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
        activation_ms: Time of activation at each node in ms, shape (nodes,).

    Returns:
        `facts`, `json`, `bytes`, `shows`, `thirds` and `note` of the template `viewer.html`.
    """
    axis = long_axis(mesh.nodes_mm) if axis is None else np.asarray(axis, dtype=float) / np.linalg.norm(axis)
    scar = np.where(probability >= metrics.threshold, mesh.node_volumes_ml, 0.0)
    toward_scar = scar_side(mesh.nodes_mm, scar, axis, septal_direction)
    septum = scar_side(mesh.nodes_mm, np.zeros(mesh.n_nodes), axis, septal_direction)
    data = mesh.grid.point_data
    depth = np.asarray(data["transmural"], dtype=float) if "transmural" in data else None
    values, colours = _channels(mesh, probability, uncertainty, metrics, activation_ms)
    if depth is not None:
        values["depth"] = (depth, 0.0, 1.0)
    volume = wall_volume(mesh, values, axis, septum)
    facts = {
        **_frame(volume, mesh),
        "colours": colours,
        "classes": [
            {"name": name, "colour": colour}
            for name, colour in (
                ("Healthy", _HEALTHY), ("Possible", _POSSIBLE), ("Uncertain", _UNCERTAIN), ("Likely", _LIKELY),
            )
        ],
        "threshold": metrics.threshold,
        "doubt": list(metrics.doubt_range),
        "show": "wall",
        "density": DENSITY_G_PER_ML,
        "ml": ml_by_threshold(probability, mesh.node_volumes_ml, depth),
        "views": _views(volume, toward_scar, bool(scar.any()), guessed=_is_guessed(metrics)),
        "lines": [
            {
                "colour": colour_of(row),
                "open": row.open_probability is None or row.open_probability >= 0.5,
                "points": np.round(volume.to_heart(np.array(row.centreline_mm)), 2).tolist(),
            }
            for row in metrics.channels or ()
            if row.centreline_mm
        ],
        "slices": [{"corners": np.round(volume.to_heart(corners), 1).tolist()} for corners in slice_corners_mm],
    }  # fmt: skip
    thirds = THIRDS if depth is not None else ()
    shows = [("wall", "Wall"), *([("layer", "Layer")] if depth is not None else []), ("scar", "Scar")]
    return {"facts": facts, "json": page_json(facts), "bytes": _packed(volume), "shows": shows, "thirds": thirds,
            "note": "Names of the views rest on a guess of the septum." if _is_guessed(metrics) else ""}  # fmt: skip


def ml_by_threshold(
    probability: NodeValues, node_ml: NodeValues, depth: NodeValues | None
) -> list[dict[str, float | list[float]]]:
    """Volume of the nodes from each hundredth of probability on: of all, then of each third of the wall's depth.

    Args:
        probability: At each node, 0 to 1, shape (nodes,).
        node_ml: Volume of each node in ml, shape (nodes,).
        depth: 0 endocardium to 1 epicardium, shape (nodes,); None leaves the thirds out.

    Returns:
        `wall`, the volume of all of them in ml, and `ml`, that from 0.00, 0.01 … 1.00 on.

    >>> rows = ml_by_threshold(np.array([0.2, 0.5, 0.9]), np.array([1.0, 2.0, 4.0]), None)
    >>> rows[0]["ml"][50], rows[0]["ml"][51], rows[0]["wall"]
    (6.0, 4.0, 7.0)
    """
    groups = [np.ones(len(probability), dtype=bool)]
    if depth is not None:
        third = np.clip((3 * depth).astype(int), 0, 2)
        groups += [third == k for k in range(3)]
    step = np.floor(100 * np.asarray(probability, dtype=float) + 1e-6).astype(int).clip(0, 100)
    rows: list[dict[str, float | list[float]]] = []
    for group in groups:
        at = np.bincount(step[group], weights=node_ml[group], minlength=101)
        rows.append({"wall": round(float(at.sum()), 3), "ml": np.round(np.cumsum(at[::-1])[::-1], 3).tolist()})
    return rows


def _channels(
    mesh: LVMesh,
    probability: NodeValues,
    uncertainty: NodeValues,
    metrics: SubjectMetrics,
    activation_ms: NodeValues | None,
) -> tuple[dict[str, tuple[np.ndarray, float, float]], list[dict[str, Any]]]:
    """The values that travel, and the ways to colour by them."""
    top = float(max(0.1, np.ceil(np.nanmax(uncertainty) * 20) / 20))
    values: dict[str, tuple[np.ndarray, float, float]] = {
        "probability": (probability, 0.0, 1.0),
        "uncertainty": (uncertainty, 0.0, top),
    }
    low, high = metrics.doubt_range
    at = metrics.threshold
    names = {0: f"below {low:g}", 1: f"possible, {low:g} to {at:g}", 2: f"uncertain, {at:g} to {high:g}",
             3: f"likely scar, from {high:g}"}  # fmt: skip
    colours: list[dict[str, Any]] = [
        _ramp("probability", "Scar probability", SCAR_CMAP, 0, 1),
        {"key": "certainty", "label": "How likely scar", "channel": "probability", "colouring": 1,
         "classes": [3, 2, 1, 0], "names": names},
        _ramp("uncertainty", "Standard deviation of the probability", UNCERTAINTY_CMAP, 0, top),
    ]  # fmt: skip
    data = mesh.grid.point_data
    if metrics.scar.border_zone_ml is not None and "border_zone" in data:
        values["border_zone"] = (np.asarray(data["border_zone"], dtype=float), 0.0, 1.0)
        named = {3: "scar (core)", 1: "border zone by signal", 0: "normal signal"}
        colours.append(
            {"key": "zones", "label": "Core and border zone by signal", "channel": "border_zone", "colouring": 2,
             "classes": [3, 1, 0], "names": named}
        )  # fmt: skip
    if activation_ms is not None and np.isfinite(activation_ms).any():
        first, last = float(np.nanmin(activation_ms)), float(np.nanmax(activation_ms))
        values["activation"] = (np.nan_to_num(activation_ms, nan=first), first, max(last, first + 1))
        colours.append(_ramp("activation", "Activation", _colour_map("viridis"), round(first), round(last), "ms"))
    return values, colours


def _ramp(key: str, label: str, colour_map: Any, low: float, high: float, unit: str = "") -> dict[str, Any]:
    stops = [to_hex(colour_map(x)) for x in np.linspace(0, 1, 13)]
    return {"key": key, "label": label, "unit": unit, "low": low, "high": high, "stops": stops, "channel": key,
            "colouring": 0}  # fmt: skip


def _colour_map(name: str) -> Any:
    import matplotlib

    return matplotlib.colormaps[name]


def _frame(volume: WallVolume, mesh: LVMesh) -> dict[str, Any]:
    local = volume.to_heart(mesh.nodes_mm)
    return {
        "shape": list(volume.shape),
        "voxel": round(volume.voxel_mm, 4),
        "low": np.round(volume.low_mm, 3).tolist(),
        "channels": list(volume.channels),
        "axes": np.round(volume.axes.T, 4).tolist(),  # where the patient's L, P and S point in the heart's frame
        "extent": [round(float(local[:, 2].min()), 2), round(float(local[:, 2].max()), 2)],
        "radius": round(1.06 * float(np.linalg.norm(local, axis=1).max()), 2),
    }


def _views(volume: WallVolume, scar: np.ndarray, has_scar: bool, *, guessed: bool) -> list[dict[str, Any]]:
    """Names and directions of the cameras, in the heart's frame; x looks at the septum, z to the base."""
    doubt = "?" if guessed else ""
    views = [("Scar", scar @ volume.axes.T)] if has_scar else []
    # seen from the apex the anterior wall is above and the septum on the left (Cerqueira 2002)
    sides = {"Septum": (1, 0), "Anterior": (0, 1), "Lateral": (-1, 0), "Inferior": (0, -1)}
    views += [(name + doubt, np.array([x, y, 0.0])) for name, (x, y) in sides.items()]
    raised = [{"name": name, "direction": [*np.round(0.97 * d[:2], 3).tolist(), 0.24]} for name, d in views]
    ends = [{"name": "Base", "direction": [0.02, 0, 1]}, {"name": "Apex", "direction": [0.02, 0, -1]}]
    return raised + ends


def _is_guessed(metrics: SubjectMetrics) -> bool:
    return metrics.septum is None or metrics.septum.source not in ("given", "mesh")


def _packed(volume: WallVolume) -> str:
    """All channels, x fastest, deflated and in base64."""
    raw = b"".join(np.ascontiguousarray(values.transpose(2, 1, 0)).tobytes() for values in volume.channels.values())
    return base64.b64encode(zlib.compress(raw, 9)).decode("ascii")


def page_json(facts: Any) -> Markup:
    """JSON that may stand in a script element: no text of it can end the element."""
    text = json.dumps(facts, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704 (escaped)
