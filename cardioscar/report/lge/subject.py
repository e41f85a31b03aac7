"""The report of one segmented subject: figures as files, and one HTML page that holds everything."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from cardioscar.imaging.coordinates.aha import AHA_SEGMENTS
from cardioscar.imaging.labels import Label
from cardioscar.lge.result import SegmentMetrics
from cardioscar.report.bullseye import bullseye_figure
from cardioscar.report.lge.by_slice import slices_bar_figure
from cardioscar.report.lge.slices import SegmentedSlice, panel_boxes, segmentation_figure
from cardioscar.report.page import (
    environment,
    inline_panels,
    inline_picture,
    interval,
    number,
    template_source,
    write_page,
)
from cardioscar.report.style import png_bytes

SEPTUM_ASSUMED = "septum assumed: names may be turned"
_MOST_NAMED = 6
"""Slices that the first line names; of more, it says how many."""
VERDICTS = {"pass": "Pass", "review": "Review", "fail": "Fail"}
_SEPTUM = {
    True: "Anterior on top, septum on the left: where it lies was given with the data.",
    False: "Anterior on top, septum on the left. Nobody said where it lies: it is taken to be right and anterior of "
    "the patient, as in most; septum_direction in subject.yaml makes it sure. Where the file has no scanner frame the "
    "names are arbitrary.",
}
RULE_NAMES = {
    "one_ring": "one ring in a slice",
    "half_ring": "a basal slice has half a ring",
    "likely_ends": "the ends are more likely right than wrong",
    "scar_in_wall": "scar lies in the wall",
    "islands": "small islands are noise",
    "continuity": "scar goes on through slices",
}
THRESHOLD_NAMES = {"fwhm": "FWHM", "nsd": "n-SD"}
REGION_NAMES = {"wall": "Wall", "cavity": "Cavity", "scar": "Scar"}


@dataclass(frozen=True)
class SegmentReport:
    """What a report is made of.

    Attributes:
        metrics: Content of `metrics.json`.
        slices: Slices to draw.
        version: Version of cardioscar.
        config: Effective configuration, ready for JSON.
        config_sha256: Its hash.
        inputs: SHA-256 of each input file by name.
        figures: Whether figures were asked for.
        septum_given: Whether somebody said where the septum lies; else it is taken to lie right and anterior.
    """

    metrics: SegmentMetrics
    slices: Sequence[SegmentedSlice] = ()
    version: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    config_sha256: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    figures: bool = True
    septum_given: bool = False


def write_segment_report(folder: Path, data: SegmentReport) -> Path:
    """Write `figures/*.png` and `report.html`, which holds the figures and needs no other file.

    Args:
        folder: The subject's folder; it exists.
        data: What to report.

    Returns:
        Path of `report.html`.
    """
    pictures: dict[str, str | list[dict[str, str]]] = {}
    if data.figures:
        (folder / "figures").mkdir(exist_ok=True)
        for name, draw in _drawings(data).items():
            png = png_bytes(draw())
            (folder / "figures" / f"{name}.png").write_bytes(png)
            # grain makes a PNG of pictures large; the file keeps every pixel
            pictures[name] = inline_panels(png, panel_boxes(data.slices)) if name == "slices" else inline_picture(png)
    html = environment().get_template("lge_subject.html").render(pictures=pictures, **content(data))
    return write_page(folder / "report.html", html)


def content(data: SegmentReport) -> dict[str, Any]:
    """Everything of the page that is text or number."""
    m = data.metrics
    share = interval(m.scar_fraction_low, m.scar_fraction_high, 1, "%", 100)
    return {
        "subject": m.subject,
        "m": m,
        "lede": _lede(m),
        "input_line": _input_line(m),
        "verdict": {"kind": m.qc.verdict, "name": VERDICTS[m.qc.verdict], "reasons": m.qc.reasons},
        "level": number(m.interval_level, 0, "%", 100),
        "intervals": {
            "scar": interval(m.scar_ml_low, m.scar_ml_high, 1, "ml"),
            "share": share,
            "wall": interval(m.wall_ml_low, m.wall_ml_high, 1, "ml"),
        },
        "segments": [
            {"name": name, "row": m.aha.get(str(n)), "number": n} for n, name in enumerate(AHA_SEGMENTS, start=1)
        ],
        "thresholds": [
            {"name": _threshold_name(rule, data.config.get("n_sd")), "row": found}
            for rule, found in m.thresholds.items()
        ],
        "rules": [{"name": RULE_NAMES.get(one.rule, one.rule), "row": one} for one in m.rules],
        "reference": [
            {"name": REGION_NAMES.get(name, name), "row": found} for name, found in (m.reference or {}).items()
        ],
        "septum_note": _SEPTUM[data.septum_given],
        "septum_warning": "" if data.septum_given else SEPTUM_ASSUMED,
        "slices_note": _slices_note(data.slices),
        "inputs": sorted(data.inputs.items()),
        "config_json": json.dumps(data.config, indent=2, sort_keys=True) if data.config else "",
        "config_sha256": data.config_sha256,
        "version": data.version,
        "css": Markup(template_source("page.css")),  # noqa: S704 (our own style sheet)
    }


def _drawings(data: SegmentReport) -> dict[str, Callable[[], Figure]]:
    m = data.metrics
    found: dict[str, Callable[[], Figure]] = {}
    if data.slices:
        found["slices"] = lambda: segmentation_figure(data.slices)
    if m.aha:
        found["bullseye"] = lambda: bullseye_figure(
            {int(n): row.scar_fraction for n, row in m.aha.items()},
            warning="" if data.septum_given else SEPTUM_ASSUMED,
            empty_note="hatched: no wall found",
        )
    if m.slices:
        found["scar_by_slice"] = lambda: slices_bar_figure(m.slices, _reference_ml(data))
    return found


def _threshold_name(rule: str, n_sd: object) -> str:
    """How readers call a rule: n-SD by its number, where that is known."""
    if rule == "nsd" and isinstance(n_sd, int | float):
        return f"{n_sd:g}-SD"
    return THRESHOLD_NAMES.get(rule, rule)


def _slices_note(slices: Sequence[SegmentedSlice]) -> str:
    """How the picture of the slices is read, and which end of the stack is the apex, by the numbers of the file."""
    if not slices:
        return ""
    ends = f", from slice {slices[0].number} at the apex to slice {slices[-1].number} at the base" if slices[1:] else ""
    return (
        f"Each slice three times{ends}: the image with what was found; the scar probability; doubt, which is 1 minus "
        "the probability of the likeliest label, before rules of anatomy. A coloured frame: somebody should look at "
        "this slice, the table says why. Numbers are those of the file, from 0, as everywhere on this page."
    )


def _reference_ml(data: SegmentReport) -> dict[int, float] | None:
    """Scar of the reference by slice, where there is one."""
    pixel_mm, distance_mm = data.metrics.image.pixel_mm, data.metrics.image.slice_distance_mm
    voxel_ml = float(np.prod(pixel_mm)) * distance_mm / 1000
    rows = {
        one.number: float((one.reference == Label.SCAR).sum()) * voxel_ml
        for one in data.slices
        if one.reference is not None
    }
    return rows or None


def _lede(m: SegmentMetrics) -> str:
    looked = m.to_look_at
    scar = f"{m.scar_ml:.1f} ml of scar, {100 * m.scar_fraction_of_wall:.0f} % of the wall, found by {m.network.name}."
    if not looked:
        return f"{scar} No slice asks for a look."
    if len(looked) > _MOST_NAMED:
        return f"{scar} {len(looked)} of {m.image.slices} slices ask for a look."
    numbers = ", ".join(map(str, looked))
    return f"{scar} Slice{'s' if len(looked) > 1 else ''} to look at: {numbers}."


def _input_line(m: SegmentMetrics) -> str:
    image = m.image
    said = (
        f"{image.slices} slice{'s' if image.slices > 1 else ''}, {image.slice_distance_mm:.3g} mm apart · pixels of "
        f"{image.pixel_mm[0]:.3g} × {image.pixel_mm[1]:.3g} mm"
    )
    return f"{said} · {image.chosen}" if image.chosen else said
