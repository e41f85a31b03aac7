"""A left ventricle that one turns in the hand: what a page carries of it, and the script that draws it."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from jaxtyping import Float
from markupsafe import Markup
from matplotlib.colors import to_hex

from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.report.page import template_source
from cardioscar.report.sides import long_axis, scar_side
from cardioscar.report.style import SCAR_CMAP, UNCERTAINTY_CMAP
from cardioscar.report.wall_volume import WallVolume, wall_volume
from cardioscar.types import NodeValues

_OUTER, _LEAST_OUTSIDE = 0.85, 0.04
"""Depth from which tissue is seen from outside, and the share of the scar that has to lie there."""
DENSITY_G_PER_ML = 1.05
"""Myocardium (Vinnakota & Bassingthwaighte 2004)."""
THIRDS = ("Endocardial third", "Middle third", "Epicardial third")
OUTLINE = "#d81b60"
"""Line of the scar on what is coloured by something else: neither viridis nor greens hold such a red."""
_LIBRARY_PARTS = ("surface_nets.js", "viewer_shader.js", "viewer_data.js", "viewer_scene.js", "viewer.js")
_CLASSES = (("Healthy", "#ece6dd"), ("Possible", "#f2b277"), ("Uncertain", "#df5f4a"), ("Likely", "#7a154a"))


@dataclass(frozen=True, eq=False)
class ShownScar:
    """A scar map to be shown.

    Attributes:
        probability: At each node, 0 to 1, shape (nodes,).
        uncertainty: Its standard deviation, shape (nodes,); None where it is not known.
        threshold: Probability from which a node counts as scar.
        doubt_range: Probabilities between which scar is in doubt.
        border_zone: Nodes of intermediate signal, shape (nodes,); None without an image.
    """

    probability: NodeValues
    uncertainty: NodeValues | None
    threshold: float = 0.5
    doubt_range: tuple[float, float] = (0.25, 0.75)
    border_zone: NodeValues | None = None


@dataclass(frozen=True, eq=False)
class ShownField:
    """Another quantity to colour the wall by.

    Attributes:
        key: Short name without blanks.
        label: What it is.
        unit: Its unit.
        values: At each node, shape (nodes,); NaN where there is none.
        limits: Ends of its colours.
        cmap: Colours, of matplotlib.
    """

    key: str
    label: str
    unit: str
    values: NodeValues
    limits: tuple[float, float]
    cmap: Any


@dataclass(frozen=True, eq=False)
class ShownLine:
    """A path through the wall: points in mm, LPS, shape (points, 3); its colour; drawn thick where it is open."""

    points_mm: Float[np.ndarray, "points 3"]
    colour: str
    open: bool = True


def viewer_script(*own: str) -> str:
    """three.js, the view's script and the page's own parts (names of templates), as one text."""
    library = files("cardioscar.report").joinpath("assets", "three.min.js").read_text(encoding="utf-8")
    return "\n".join([library, *map(template_source, (*_LIBRARY_PARTS, *own))])


def viewer_content(
    mesh: LVMesh,
    scar: ShownScar | None,
    fields: Sequence[ShownField] = (),
    *,
    axis: np.ndarray | None = None,
    septal_direction: np.ndarray | None = None,
    guessed: bool = False,
    lines: Sequence[ShownLine] = (),
    slice_corners_mm: Sequence[Float[np.ndarray, "4 3"]] = (),
    marks_mm: Sequence[tuple[str, Sequence[float]]] = (),
) -> dict[str, Any]:
    """What the template `viewer.html` needs.

    Args:
        mesh: The LV; of its point data `transmural` gives the layers where it is there.
        scar: The scar map; None where there is none.
        fields: What else the wall can be coloured by; the first is shown at first where there is no scar map, the last
            where there are places that it gave.
        axis: Long axis from apex to base; default estimated from the nodes.
        septal_direction: From the LV to the septum; names the views.
        guessed: Whether it is a guess.
        lines: Conducting channels.
        slice_corners_mm: Corners of each slice in order, LPS.
        marks_mm: Places on the wall, LPS, with what is written beside them.

    Returns:
        `facts`, `json`, `bytes`, `shows`, `thirds` and `note`; and the `volume`, for pictures of the same.

    Raises:
        ValueError: If there is neither a scar map nor a field.
    """
    if scar is None and not fields:
        raise ValueError("a view needs a scar map or a field")
    axis = long_axis(mesh.nodes_mm) if axis is None else np.asarray(axis, dtype=float) / np.linalg.norm(axis)
    nothing = np.zeros(mesh.n_nodes)
    shown = nothing if scar is None else np.where(scar.probability >= scar.threshold, mesh.node_volumes_ml, 0.0)
    septum = scar_side(mesh.nodes_mm, nothing, axis, septal_direction)
    data = mesh.grid.point_data
    depth = np.asarray(data["transmural"], dtype=float) if "transmural" in data else None
    values, colours = _channels(scar, fields)
    if depth is not None:
        values["depth"] = (depth, 0.0, 1.0)
    volume = wall_volume(mesh, values, axis, septum)
    side = scar_side(mesh.nodes_mm, shown, axis, septal_direction)
    first = volume.to_heart(np.asarray(marks_mm[0][1], dtype=float)[None])[0] if len(marks_mm) else None
    facts = {
        **_frame(volume, mesh),
        "colours": colours,
        "classes": [{"name": name, "colour": colour} for name, colour in _CLASSES],
        "scar": scar is not None,
        "threshold": scar.threshold if scar else 0.5,
        "doubt": list(scar.doubt_range) if scar else [0.25, 0.75],
        "show": "scar" if first is None and shown.any() and _hidden(shown, depth) else "wall",
        "colour": fields[-1].key if fields and first is not None else colours[0]["key"],
        "density": DENSITY_G_PER_ML,
        "ml": ml_by_threshold(scar.probability, mesh.node_volumes_ml, depth) if scar else [],
        "views": _views(volume, side if shown.any() else None, first, guessed=guessed),
        "lines": [
            {"colour": one.colour, "open": one.open, "points": np.round(volume.to_heart(one.points_mm), 2).tolist()}
            for one in lines
        ],
        "slices": [{"corners": np.round(volume.to_heart(corners), 1).tolist()} for corners in slice_corners_mm],
        "marks": [
            {"text": text, "point": np.round(volume.to_heart(np.asarray(at, dtype=float)[None])[0], 2).tolist()}
            for text, at in marks_mm
        ],
    }
    shows = [
        ("wall", "Wall"),
        *([("layer", "Layer")] if depth is not None else []),
        *([("scar", "Scar")] if scar else []),
    ]
    note = "Names of the views rest on a guess of the septum." if guessed else ""
    thirds = THIRDS if depth is not None and scar else ()
    return {"facts": facts, "json": page_json(facts), "bytes": _packed(volume), "shows": shows, "thirds": thirds,
            "note": note, "volume": volume}  # fmt: skip


def _hidden(scar_ml: NodeValues, depth: NodeValues | None) -> bool:
    """Whether a scar hardly reaches the outer surface: seen from outside the wall would be a heart without scar."""
    if depth is None:
        return False
    return float(scar_ml[depth >= _OUTER].sum()) < _LEAST_OUTSIDE * float(scar_ml.sum())


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
    scar: ShownScar | None, fields: Sequence[ShownField]
) -> tuple[dict[str, tuple[np.ndarray, float, float]], list[dict[str, Any]]]:
    """The values that travel, and the ways to colour by them."""
    values: dict[str, tuple[np.ndarray, float, float]] = {}
    colours: list[dict[str, Any]] = []
    if scar is not None:
        values["probability"] = (scar.probability, 0.0, 1.0)
        colours += [_ramp("probability", "Scar probability", SCAR_CMAP, 0, 1), _certainty(scar)]
    if scar is not None and scar.uncertainty is not None:
        top = float(max(0.1, np.ceil(np.nanmax(scar.uncertainty) * 20) / 20))
        values["uncertainty"] = (scar.uncertainty, 0.0, top)
        label = "Standard deviation of the probability"
        colours.append(_ramp("uncertainty", label, UNCERTAINTY_CMAP, 0, top) | {"line": "#ff9a1a"})
    if scar is not None and scar.border_zone is not None:
        values["border_zone"] = (scar.border_zone, 0.0, 1.0)
        named = {3: "scar (core)", 1: "border zone by signal", 0: "normal signal"}
        colours.append(
            {"key": "zones", "label": "Core and border zone by signal", "channel": "border_zone", "colouring": 2,
             "classes": [3, 1, 0], "names": named}
        )  # fmt: skip
    for one in fields:
        low, high = one.limits
        values[one.key] = (np.nan_to_num(one.values, nan=low), low, high)
        first, last = (round(low), round(high)) if high - low > 10 else (low, high)
        colours.append(_ramp(one.key, one.label, one.cmap, first, last, one.unit) | {"line": OUTLINE})
    return values, colours


def _certainty(scar: ShownScar) -> dict[str, Any]:
    (low, high), at = scar.doubt_range, scar.threshold
    names = {0: f"below {low:g}", 1: f"possible, {low:g} to {at:g}", 2: f"uncertain, {at:g} to {high:g}",
             3: f"likely scar, from {high:g}"}  # fmt: skip
    return {"key": "certainty", "label": "How likely scar", "channel": "probability", "colouring": 1,
            "classes": [3, 2, 1, 0], "names": names}  # fmt: skip


def _ramp(key: str, label: str, colour_map: Any, low: float, high: float, unit: str = "") -> dict[str, Any]:
    stops = [to_hex(colour_map(x)) for x in np.linspace(0, 1, 13)]
    return {"key": key, "label": label, "unit": unit, "low": low, "high": high, "stops": stops, "channel": key,
            "colouring": 0}  # fmt: skip


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


def _views(
    volume: WallVolume, scar: np.ndarray | None, site: np.ndarray | None, *, guessed: bool
) -> list[dict[str, Any]]:
    """Names and directions of the cameras, in the heart's frame; x looks at the septum, z to the base.

    Args:
        volume: Of the wall.
        scar: Direction of the scar in the patient; None where there is none.
        site: Place of the best site in the heart's frame.
        guessed: Whether the septum is a guess.
    """
    doubt = "?" if guessed else ""
    views = []
    if site is not None and np.hypot(site[0], site[1]) > 1:
        views.append(("Best site", site / np.hypot(site[0], site[1])))
    if scar is not None:
        views.append(("Scar", scar @ volume.axes.T))
    # seen from the apex the anterior wall is above and the septum on the left (Cerqueira 2002)
    sides = {"Septum": (1, 0), "Anterior": (0, 1), "Lateral": (-1, 0), "Inferior": (0, -1)}
    views += [(name + doubt, np.array([x, y, 0.0])) for name, (x, y) in sides.items()]
    raised = [{"name": name, "direction": [*np.round(0.97 * d[:2], 3).tolist(), 0.24]} for name, d in views]
    ends = [{"name": "Base", "direction": [0.02, 0, 1]}, {"name": "Apex", "direction": [0.02, 0, -1]}]
    return raised + ends


def _packed(volume: WallVolume) -> str:
    """All channels, x fastest, deflated and in base64."""
    raw = b"".join(np.ascontiguousarray(values.transpose(2, 1, 0)).tobytes() for values in volume.channels.values())
    return base64.b64encode(zlib.compress(raw, 9)).decode("ascii")


def page_json(facts: Any) -> Markup:
    """JSON that may stand in a script element: no text of it can end the element."""
    text = json.dumps(facts, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704 (escaped)
