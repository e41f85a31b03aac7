"""The report of one subject's activation: figures as files, and one HTML page that holds everything."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from cardioscar.activation.findings import ActivationFindings
from cardioscar.activation.mapping.on_mesh import MappedWall
from cardioscar.activation.network.heart_explanation import Explanation
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.coordinates.aha import AHA_SEGMENTS
from cardioscar.imaging.lvmesh import LVMesh
from cardioscar.report.activation.bullseye import TOS_CMAP, map_figure
from cardioscar.report.activation.curves import curves_figure
from cardioscar.report.activation.explanation import explanation_figure
from cardioscar.report.activation.matrix import matrix_figure
from cardioscar.report.page import (
    environment,
    inline_picture,
    number,
    script_policy,
    template_source,
    write_page,
)
from cardioscar.report.style import UNCERTAINTY_CMAP, png_bytes
from cardioscar.report.viewer import ShownField, viewer_content, viewer_script

VERDICTS = {"pass": "Pass", "review": "Review", "fail": "Fail"}
_PLACED = {
    "scanner frame": "Slices lie where the scanner saw them.",
    "axes": "The long axes of strain and mesh are laid on each other, because their frames differ.",
    "locations": "Heights follow from the apex and the base that were given.",
    "assumed": "Where apex and base lie was not said: the middle of the slices is taken to lie half way along.",
}


@dataclass(frozen=True)
class ActivationReport:
    """What a report is made of.

    Attributes:
        findings: Content of `metrics.json`.
        slices: Strain to draw; empty for a page without figures.
        onsets: Of each slice.
        wall: The map; None where there is none, or no figures.
        explanation: What the networks look at, or a sentence why that is not known.
        version: Version of cardioscar.
        config: Effective configuration, ready for JSON.
        config_sha256: Its hash.
        inputs: SHA-256 of each input file by name.
    """

    findings: ActivationFindings
    slices: Sequence[StrainSlice] = ()
    onsets: Sequence[SectorOnsets] = ()
    wall: MappedWall | None = None
    explanation: Explanation | str = ""
    version: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    config_sha256: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)


def write_activation_report(folder: Path, data: ActivationReport) -> Path:
    """Write `figures/*.png` and `report.html`, which holds the figures and needs no other file.

    Args:
        folder: The subject's folder; it exists.
        data: What to report.

    Returns:
        Path of `report.html`.
    """
    pictures = {}
    for name, draw in _drawings(data).items():
        (folder / "figures").mkdir(exist_ok=True)
        png = png_bytes(draw())
        with atomic_file(folder / "figures" / f"{name}.png") as partial:
            partial.write_bytes(png)
        pictures[name] = inline_picture(png)
    html = environment().get_template("activation_subject.html").render(pictures=pictures, **_content(data))
    return write_page(folder / "report.html", html)


def _drawings(data: ActivationReport) -> dict[str, Callable[[], Figure]]:
    found: dict[str, Callable[[], Figure]] = {}
    slices, onsets, wall, explanation = list(data.slices), list(data.onsets), data.wall, data.explanation
    if slices:
        found["matrix"] = lambda: matrix_figure(slices, onsets)
        found["curves"] = lambda: curves_figure(slices, onsets)
    if wall is not None:
        found["map"] = lambda: map_figure(wall.found, wall.by_segment())
    if isinstance(explanation, Explanation):
        found["explanation"] = lambda: explanation_figure(slices[explanation.slice_number], explanation)
    return found


def _viewer(wall: MappedWall) -> dict[str, Any]:
    """The map to turn in the hand."""
    at, grid = wall.coordinates, wall.grid()
    tos_ms, sd_ms = (one(at.apicobasal, at.rotational) for one in (wall.found.tos_ms, wall.found.sd_ms))
    early, late = 10.0 * math.floor(tos_ms.min() / 10), 10.0 * math.ceil(tos_ms.max() / 10)
    top = 5.0 * math.ceil(max(float(sd_ms.max()), 10.0) / 5)
    fields = [
        ShownField("activation", "Onset of shortening", "ms", tos_ms, (early, max(late, early + 10)), TOS_CMAP),
        ShownField("activation_sd", "Standard deviation of the onset", "ms", sd_ms, (0.0, top), UNCERTAINTY_CMAP),
    ]
    return viewer_content(
        LVMesh(grid, wall.mesh.source), None, fields, axis=at.long_axis, septal_direction=at.septum_direction,
        guessed=at.orientation != "given",
    )  # fmt: skip


def _content(data: ActivationReport) -> dict[str, Any]:
    m = data.findings
    viewer = None if data.wall is None else _viewer(data.wall)
    script = viewer_script() if viewer else ""
    segments = m.map.segments if m.map else {}
    return {
        "subject": m.subject,
        "m": m,
        "lede": _lede(m),
        "verdict": {"kind": m.qc.verdict, "name": VERDICTS[m.qc.verdict], "reasons": m.qc.reasons},
        "level": number(m.level, 0, "%", 100),
        "by": "the networks" if m.onsets_by == "network" else "a person, in a table of onsets",
        "placed": _PLACED.get(m.map.placed_by, "") if m.map else "",
        "segments": [
            {"number": n, "name": name, "row": segments.get(str(n))} for n, name in enumerate(AHA_SEGMENTS, start=1)
        ],
        "explained": _explained(data),
        "inputs": sorted(data.inputs.items()),
        "config_json": json.dumps(data.config, indent=2, sort_keys=True) if data.config else "",
        "config_sha256": data.config_sha256,
        "version": data.version,
        "viewer": viewer,
        "script": Markup(script),  # noqa: S704 (our own)
        "policy": Markup(script_policy(script) if script else "'none'"),  # noqa: S704 (a hash)
        "css": Markup(template_source("page.css") + template_source("viewer.css")),  # noqa: S704 (our own style sheets)
    }


def _explained(data: ActivationReport) -> str:
    one = data.explanation
    if isinstance(one, str):
        return one
    where = "" if len(data.findings.slices) == 1 else f" of slice {one.slice_number + 1}"
    return (
        f"Grad-CAM over the strain matrix for the {len(one.sectors)} sectors{where} marked at the left edge: above, "
        "networks that learned onset and class together; below, networks of one task. The thin line is half of each "
        "sector's greatest shortening."
    )


def _lede(m: ActivationFindings) -> str:
    if not m.late_fraction:
        said = "No sector is late and free of scar."
    else:
        said = f"{100 * m.late_fraction:.0f} % of the sectors begin to shorten late and are free of scar."
    if m.scarred_fraction:
        said += f" {100 * m.scarred_fraction:.0f} % are scarred."
    return said + (f" Latest: {m.latest_segment}." if m.latest_segment and m.late_fraction else "")
