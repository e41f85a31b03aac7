"""The report of one subject: figures as files, and one HTML page that holds everything."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from cardioscar.imaging.coordinates.aha import AHA_SEGMENTS
from cardioscar.report import bullseye
from cardioscar.report.bullseye import bullseye_figure
from cardioscar.report.long_axis_view import SlicePlane, bands_of, long_axis_figure, stack_note
from cardioscar.report.offscreen import SceneUnavailableError
from cardioscar.report.page import (
    environment,
    inline_panels,
    inline_picture,
    moment,
    script_policy,
    template_source,
    write_page,
)
from cardioscar.report.scar3d import channels, residuals
from cardioscar.report.scar3d.alignment import shifts_note
from cardioscar.report.scar3d.certainty import certainty_content
from cardioscar.report.scar3d.channels import channel_rows, channels_figure, channels_note
from cardioscar.report.scar3d.input_line import input_line, signal_rows
from cardioscar.report.scar3d.intervals import interval_content, interval_headline
from cardioscar.report.scar3d.left_out import left_out_content
from cardioscar.report.scar3d.residuals import Reliability, residuals_figure
from cardioscar.report.scar3d.scene import scene_figure
from cardioscar.report.scar3d.scores import METHOD_NAMES, score_table, slice_rows
from cardioscar.report.scar3d.septum import septum_note, septum_source, septum_warning
from cardioscar.report.scar3d.viewer import scar_viewer
from cardioscar.report.slice_view import SliceView
from cardioscar.report.slices import panel_places, slices_figure
from cardioscar.report.style import png_bytes
from cardioscar.report.thumbnail import NAME as THUMBNAIL
from cardioscar.report.thumbnail import heart_thumbnail, thumbnail_webp
from cardioscar.report.viewer import DENSITY_G_PER_ML, page_json, viewer_script
from cardioscar.scar3d.quality.result import SubjectMetrics
from cardioscar.scar3d.quality.result_scores import HeldOutScores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cardioscar.imaging.lvmesh import LVMesh
    from cardioscar.types import NodeValues

logger = logging.getLogger(__name__)

_SCRIPTS = ("slices.js", "neighbours.js")
"""What the page does beside the view in 3D."""
_PARTS = {"bullseye": bullseye.panel_boxes, "channels": channels.panel_boxes, "residuals": residuals.panel_boxes}
"""Figures that stand in parts, so that a phone shows them below each other."""
VERDICTS = {"pass": "Pass", "review": "Review", "fail": "Fail"}


@dataclass(frozen=True)
class SubjectReport:
    """What a subject's report is made of. Whatever is missing is said to be missing.

    Attributes:
        metrics: Content of `metrics.json`.
        mesh: The LV.
        scar_probability: At each node, 0 to 1, shape (nodes,).
        scar_uncertainty: Its standard deviation at each node, shape (nodes,).
        long_axis: From apex to base, shape (3,), LPS; default estimated from the nodes.
        septal_direction: From the LV to the septum, shape (3,), LPS.
        aha_uncertainty: Mean standard deviation by AHA segment.
        slices: The slices, hidden ones included.
        slice_shifts: In-plane shift of each slice by slice number: `i`, `j` and `error` in mm, and the `finding`.
        residual: Predicted mean minus pixel of each group, shape (groups,).
        residual_slice: Slice number of each group, shape (groups,).
        reliability: Predictions beside the truth, where there is one.
        history: Columns of the fit's history: `step`, `loss`.
        version: Version of cardioscar that made the result.
        config: Effective configuration, ready for JSON.
        config_sha256: Its hash.
        inputs: SHA-256 of each input file by name.
        created: Time of the result, as text.
        methods: How the map was made, in sentences for a paper.
        references: The works that these sentences name.
        software: Libraries that the numbers come from, with their versions.
        command: The command that makes such a map again.
    """

    metrics: SubjectMetrics
    mesh: LVMesh | None = None
    scar_probability: NodeValues | None = None
    scar_uncertainty: NodeValues | None = None
    long_axis: np.ndarray | None = None
    septal_direction: np.ndarray | None = None
    aha_uncertainty: Mapping[int, float | None] | None = None
    slices: Sequence[SliceView] = ()
    slice_shifts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    residual: np.ndarray | None = None
    residual_slice: np.ndarray | None = None
    reliability: Reliability | None = None
    history: Mapping[str, Sequence[float]] | None = None
    version: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    config_sha256: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    methods: str = ""
    references: Sequence[str] = ()
    software: str = ""
    command: str = ""


def write_subject_report(folder: Path, data: SubjectReport) -> Path:
    """Write `figures/` and `report.html`, which holds the figures and needs no other file.

    Args:
        folder: The subject's folder; made if absent.
        data: What to report.

    Returns:
        Path of `report.html`.

    Raises:
        InputError: If the arrays of a slice do not fit together.
        OSError: If the folder cannot be written.
    """
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, str | list[dict[str, str]]] = {}
    missing: dict[str, str] = {}
    turned = _viewer(data)
    for name, draw in (
        ("scene", _scene),
        ("bullseye", _bullseye),
        ("channels", _channels),
        ("long_axis", lambda data: _long_axis(data, turned["viewer"])),
        ("slices", _slices),
        ("residuals", _residuals),
    ):
        figure = draw(data)
        if isinstance(figure, str):
            missing[name] = figure
            (figures / f"{name}.png").unlink(missing_ok=True)  # of an earlier run: it would belong to other data
            continue
        png = png_bytes(figure)
        (figures / f"{name}.png").write_bytes(png)
        pictures[name] = inline_panels(png, _PARTS[name](figure)) if name in _PARTS else inline_picture(png)
    (figures / THUMBNAIL).unlink(missing_ok=True)
    if turned["viewer"]:
        volume = turned["viewer"]["volume"]
        (figures / THUMBNAIL).write_bytes(thumbnail_webp(heart_thumbnail(volume, threshold=data.metrics.threshold)))
    content = {"pictures": pictures, "missing": missing, **turned, **_content(data, turned["viewer"])}
    html = environment().get_template("subject.html").render(**content)
    return write_page(folder / "report.html", html)


def _viewer(data: SubjectReport) -> dict[str, Any]:
    """The view in 3D, where there is a map; the page's script, and the policy that lets this one run."""
    if data.mesh is None or data.scar_probability is None or data.scar_uncertainty is None:
        script = "\n".join(map(template_source, _SCRIPTS))
        return {"viewer": None, "script": Markup(script), "policy": Markup(script_policy(script))}  # noqa: S704 (our own)
    script = viewer_script(*_SCRIPTS)
    content = scar_viewer(
        data.mesh,
        data.scar_probability,
        data.scar_uncertainty,
        data.metrics,
        axis=data.long_axis,
        septal_direction=data.septal_direction,
        slice_corners_mm=[view.corners_mm for view in data.slices if view.corners_mm is not None],
    )
    return {"viewer": content, "script": Markup(script), "policy": Markup(script_policy(script))}  # noqa: S704 (our own)


def _scene(data: SubjectReport) -> Figure | str:
    if data.mesh is None or data.scar_probability is None:
        return "There is no 3D view: no mesh with a scar probability was given."
    try:
        return scene_figure(
            data.mesh,
            data.scar_probability,
            data.scar_uncertainty,
            threshold=data.metrics.threshold,
            axis=data.long_axis,
            septal_direction=data.septal_direction,
        )
    except SceneUnavailableError as error:
        logger.warning("%s: report without 3D views: %s", data.metrics.subject, error)
        return f"There is no 3D view. {error}"


def _bullseye(data: SubjectReport) -> Figure | str:
    aha = data.metrics.aha
    if not aha:
        return "There is no bullseye: the wall was not divided into AHA segments."
    fractions: dict[int, float | None] = {int(number): row.scar_fraction for number, row in aha.items()}
    return bullseye_figure(fractions, data.aha_uncertainty, warning=septum_warning(data.metrics.septum))


def _channels(data: SubjectReport) -> Figure | str:
    found = data.metrics.channels
    if found is None:
        return "The scar map was not searched for conducting channels."
    if data.mesh is None or data.scar_probability is None:
        return "There is no picture of the channels: no mesh with a scar probability was given."
    try:
        return channels_figure(
            data.mesh,
            data.scar_probability,
            found,
            threshold=data.metrics.threshold,
            likely=data.metrics.doubt_range[1],
            axis=data.long_axis,
            septal_direction=data.septal_direction,
            doubtful=bool(septum_warning(data.metrics.septum)),
        )
    except SceneUnavailableError as error:
        return f"There is no picture of the channels. {error}"


def _slices(data: SubjectReport) -> Figure | str:
    if not any(view.wall.any() for view in data.slices):
        return "There are no slices to show."
    return slices_figure(data.slices, threshold=data.metrics.threshold)


def _planes(data: SubjectReport) -> list[SlicePlane]:
    return [SlicePlane(one.number, one.corners_mm, one.hidden) for one in data.slices if one.corners_mm is not None]


def _long_axis(data: SubjectReport, viewer: Mapping[str, Any] | None) -> Figure | str:
    if viewer is None:
        return "There is no view along the long axis: no mesh with a scar probability was given."
    return long_axis_figure(
        viewer["volume"], tuple(viewer["facts"]["extent"]), _planes(data), threshold=data.metrics.threshold,
        thickness_mm=data.metrics.input.slice_thickness_mm, doubtful=bool(septum_warning(data.metrics.septum)),
    )  # fmt: skip


def _stack_note(data: SubjectReport, viewer: Mapping[str, Any] | None) -> str:
    planes = _planes(data)
    if viewer is None or not planes:
        return ""
    low, high = viewer["facts"]["extent"]
    bands = bands_of(viewer["volume"], planes, data.metrics.input.slice_thickness_mm, low)
    return stack_note(bands, high - low)


def _slicer(data: SubjectReport) -> Markup:
    """Where each slice stands in the figure of all of them, for the page's slider; empty where there are none."""
    places = panel_places(data.slices)
    return page_json(places) if places else Markup("")


def _residuals(data: SubjectReport) -> Figure | str:
    if data.residual is None and data.reliability is None and data.history is None:
        return "There are no residuals and no loss history to show."
    return residuals_figure(data.residual, data.residual_slice, reliability=data.reliability, history=data.history)


def _content(data: SubjectReport, viewer: Mapping[str, Any] | None) -> dict[str, Any]:
    """Everything of the page that is text or number."""
    m = data.metrics
    signal = signal_rows(m.input, m.scar.border_zone_ml)
    return {
        "subject": m.subject,
        "lede": interval_headline(m),
        "input_line": " · ".join(filter(None, (input_line(m.input), septum_source(m.septum)))),
        "certainty": certainty_content(m, signal["name"] if signal else ""),
        "signal": signal,
        "m": m,
        "verdict": {"kind": m.qc.verdict, "name": VERDICTS[m.qc.verdict], "reasons": m.qc.reasons},
        "segments": [
            {"number": number, "name": name, **(vars(m.aha[str(number)]) if str(number) in m.aha else {})}
            for number, name in enumerate(AHA_SEGMENTS, start=1)
        ],
        "channels": channel_rows(m.channels or ()),
        "channels_note": channels_note(m.channels, m.channel_draws),
        "septum_warning": septum_warning(m.septum),
        "orientation_note": septum_note(m.septum),
        "intervals": interval_content(
            m.intervals, m.interval_truth, pixels=(m.posterior.pixels if m.posterior else None) or "fractions"
        ),
        "left_out": left_out_content(m.leave_one_out),
        "truth": score_table(m.truth, "All nodes of the mesh"),
        "heldout": score_table(m.heldout.scores, _heldout_caption(m.heldout)) if m.heldout else None,
        "per_slice": slice_rows(m.heldout.per_slice if m.heldout else ()),
        "method_names": list(METHOD_NAMES.values()),
        "baseline": m.baseline,
        "slices_note": _slices_note(data.slices),
        "stack_note": _stack_note(data, viewer),
        "shifts_note": shifts_note(data.slice_shifts),
        "provenance": [
            ("Version", data.version or "not recorded"),
            ("Configuration, SHA-256", data.config_sha256 or "not recorded"),
            ("Septum", m.septum.source if m.septum else "not recorded"),
            ("Made", moment(data.created or "not recorded")),
        ],
        "methods": data.methods,
        "references": data.references,
        "software": data.software,
        "command": data.command,
        "wall_mass": f"{m.scar.wall_ml * DENSITY_G_PER_ML:,.0f} g; scar {m.scar.volume_ml * DENSITY_G_PER_ML:,.1f} g",
        "density": DENSITY_G_PER_ML,
        "has_zones": any(row.border_zone_ml is not None for row in m.aha.values()),
        "thickness": _thickness(m),
        "has_thickness": any(row.wall_thickness_mm is not None for row in m.aha.values()),
        "slicer": _slicer(data),
        "inputs": sorted(data.inputs.items()),
        "config_json": json.dumps(data.config, indent=2, sort_keys=True, default=str) if data.config else "",
        "version": data.version,
        "css": Markup(template_source("page.css") + template_source("viewer.css")),  # noqa: S704 (our own style sheets)
    }


def _thickness(metrics: SubjectMetrics) -> dict[str, Any] | None:
    """Mean of the segments' wall thickness and their range; None where it was not measured."""
    known = [row.wall_thickness_mm for row in metrics.aha.values() if row.wall_thickness_mm is not None]
    if not known:
        return None
    return {
        "mean": float(np.mean(known)),
        "note": f"mean of {len(known)} segments, {min(known):.1f}–{max(known):.1f} mm",
    }


def _heldout_caption(heldout: HeldOutScores) -> str:
    return f"Hidden slices {', '.join(map(str, heldout.slices))}, {heldout.pixels:,} wall pixels pooled"


def _slices_note(slices: Sequence[SliceView]) -> str:
    bare = all(np.array_equal(view.background, view.observed_scar) for view in slices)
    above = (
        "Above: the wall and the observed scar; there is no image"
        if bare
        else ("Above: the image with the wall and the observed scar")
    )
    note = f"{above}. Below: the reconstructed probability on the same pixels."
    if any(view.height_mm is not None for view in slices):
        note += " mm: height above the apical end of the wall."
    if any(view.directions is not None for view in slices):
        note += " A letter names the patient's side at its edge: left, right, anterior, posterior, superior, inferior."
    if any(view.sectors is not None for view in slices):
        note += " White lines: borders of the AHA segments, named by number; triangle: middle of the septum."
    without = [str(view.number) for view in slices if not view.wall.any()]
    return note + (f" Without wall, not shown: slice {', '.join(without)}." if without else "")
