"""Numbers and sentences of a subject's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from cardioscar.lvquant.reference import Reference
from cardioscar.lvquant.subject_metrics import SubjectMetrics
from cardioscar.report.lvquant.painting import CAVITY, EPICARDIUM, REFERENCE
from cardioscar.report.lvquant.views import CineViews
from cardioscar.report.page import interval, is_number, number

VERDICTS = {"pass": "Pass", "review": "Review", "fail": "Fail"}
NAMES = {
    "lv_ef_percent": ("Ejection fraction", "%", 0),
    "lv_edv_ml": ("End-diastolic volume", "ml", 0),
    "lv_esv_ml": ("End-systolic volume", "ml", 0),
    "lv_sv_ml": ("Stroke volume", "ml", 0),
    "lv_mass_g": ("Mass", "g", 0),
}
"""Numbers of a stack: name, unit, decimals."""
_NO_VENTRICLE = "There is nothing to show: no left ventricle was found in two frames."
_CURVES = (
    "Lines: measured from the segmentation. Dots: regressed by the network. Shaded: systole. ED, ES: end-diastole and "
    "end-systole. Sectors of the wall: IS inferoseptal, I inferior, IL inferolateral, AL anterolateral, A anterior, AS "
    "anteroseptal."
)
_COUNTED = "Slices and frames are counted from 0, as the file stores them, here as everywhere on this page."
_ONE_SLICE = "A single slice has areas, dimensions and wall thicknesses, and no volume."


def page_content(subject: str, m: SubjectMetrics, views: CineViews | None, *, moving: Sequence[int]) -> dict[str, Any]:
    """What the page's template is given beside pictures and provenance.

    Args:
        subject: Id.
        m: Content of `metrics.json`.
        views: Cine and labels.
        moving: Numbers of the slices of the moving picture, in its order.
    """
    lost = m.ed_frame is None
    return {
        "subject": subject,
        "m": m,
        "lede": _lede(m),
        "verdict": {"kind": m.qc.verdict, "name": VERDICTS[m.qc.verdict], "reasons": m.qc.reasons},
        "input_line": _input_line(m, views),
        "tiles": [_tile(m, name) for name in NAMES] if m.lv_edv_ml is not None else [],
        "interval_note": _interval_note(m),
        "loop_note": _loop_note(m, moving),
        "keys": _keys(with_reference=views is not None and views.reference is not None),
        "missing": _NO_VENTRICLE if lost else "The figures were not drawn.",
        "curves_alt": _curves_alt(m),
        "curves_note": _CURVES,
        "frames_note": f"From the base to the apex. {_COUNTED}" if views is None else _frames_note(m, views),
        "thickening_note": (
            "Seen from the apex, anterior on top. Below 0 the wall thins in systole (orange). "
            + ("" if m.septum == "given" else "The septum is taken to be right and anterior of the patient, ")
            + ("" if m.septum == "given" else "as in most; septum_direction in subject.yaml makes it sure.")
        ),
        "no_thickening": _NO_VENTRICLE if lost else "No wall is seen at both times: there is no thickening to show.",
        "segments": [vars(one) | {"interval": interval(one.low, one.high, 0)} for one in m.thickening],
        "ways": [_way(m, name) for name in NAMES] if m.lv_edv_ml is not None else [],
        "apart": _apart(m),
        "reference": _reference(m, m.reference) if m.reference else None,
    }


def _lede(m: SubjectMetrics) -> Markup | str:
    if m.ed_frame is None:
        return "No left ventricle was found."
    if m.lv_ef_percent is None:
        return _ONE_SLICE
    return (
        Markup("Ejection fraction ")
        + number(m.lv_ef_percent, 0, "%")
        + Markup(" (90 % interval ")
        + interval(m.lv_ef_percent_low, m.lv_ef_percent_high, 0, "%")
        + Markup("): ")
        + number(m.lv_edv_ml, 0, "ml")
        + Markup(" at end-diastole, ")
        + number(m.lv_esv_ml, 0, "ml")
        + Markup(" at end-systole")
    )


def _input_line(m: SubjectMetrics, views: CineViews | None) -> Markup:
    slices = f"{m.slices} slices, {m.slices_with_cavity} with a cavity" if m.slices > 1 else "One slice"
    line = Markup("{}; {} frames").format(slices, m.frames)
    if views is not None:
        line += Markup("; pixels of ") + number(views.pixel_mm[0], 2) + Markup(" × ")
        line += number(views.pixel_mm[1], 2, "mm")
        if m.slices > 1:
            line += Markup(", slices ") + number(views.distance_mm, 1, "mm") + Markup(" apart")
    return line + (
        Markup("; no times stated") if m.beat_ms is None else Markup("; beat of ") + number(m.beat_ms, 0, "ms")
    )


def _tile(m: SubjectMetrics, name: str) -> dict[str, Any]:
    title, unit, digits = NAMES[name]
    ends = interval(getattr(m, f"{name}_low"), getattr(m, f"{name}_high"), digits, unit)
    return {
        "name": title,
        "value": number(getattr(m, name), digits, unit),
        "interval": ends,
        "lead": name == "lv_ef_percent",
    }


def _interval_note(m: SubjectMetrics) -> str:
    if m.lv_edv_ml is None:
        return ""
    if m.intervals_calibrated_on:
        return f"Below each number its 90 % interval, fitted on {m.intervals_calibrated_on} subjects of known truth."
    return (
        "Below each number its 90 % interval: how far the network's views and its two ways to measure are apart. It "
        "was not fitted on subjects of known truth, and what all views get wrong it does not know."
    )


def _loop_note(m: SubjectMetrics, moving: Sequence[int]) -> str:
    pace = "as long as the heart took" if m.beat_ms is not None else "as in a beat of 900 ms"
    still = "" if m.ed_frame is None else f" Standing still: end-diastole, frame {m.ed_frame}."
    shown = (
        f"Slice {moving[0]}" if len(moving) == 1 else f"Slices {', '.join(map(str, moving))}, from the base to the apex"
    )
    return f"{shown} (counted from 0, as in the file); a beat lasts {pace}.{still}"


def _frames_note(m: SubjectMetrics, views: CineViews) -> str:
    """Which end of the stack is the apex, by the numbers of the file."""
    numbers = views.slice_numbers
    ends = f" Slice {numbers[0]} is the apical end of the stack, slice {numbers[-1]} the basal one."
    times = f" End-diastole is frame {m.ed_frame}, end-systole frame {m.es_frame}."
    order = "Above: diastole; below: systole. From the base to the apex." + ends if m.slices > 1 else "One slice."
    return f"{order}{times} {_COUNTED}"


def _keys(*, with_reference: bool) -> Markup:
    keys = [(CAVITY, "cavity"), (EPICARDIUM, "epicardium")]
    keys += [(REFERENCE, "labels beside the cine")] if with_reference else []
    parts = [Markup('<span class="key" style="border-color:{}"></span>{}').format(*one) for one in keys]
    return Markup('<p class="legend">') + Markup("").join(parts) + Markup("</p>")


def _curves_alt(m: SubjectMetrics) -> str:
    known = [one for one in m.volume_ml if one is not None]
    volume = f"Cavity volume from {max(known):.0f} to {min(known):.0f} ml, " if known else ""
    return f"{volume}areas and wall thicknesses over {m.frames} frames of the beat, measured and regressed"


def _way(m: SubjectMetrics, name: str) -> dict[str, Any]:
    title, unit, _ = NAMES[name]
    value, regressed = getattr(m, name), getattr(m, f"{name}_regressed")
    return {
        "name": f"{title}, {unit}",
        "value": number(value, 1),
        "interval": interval(getattr(m, f"{name}_low"), getattr(m, f"{name}_high"), 1),
        "regressed": number(regressed, 1),
        "apart": _difference(regressed, value),
    }


def _apart(m: SubjectMetrics) -> list[tuple[str, Markup]]:
    one = m.disagreement
    percent = Markup(" (") + number(one.areas_percent, 1, "%") + Markup(")")
    return [
        ("Areas of cavity and myocardium", number(one.areas_mm2, 0, "mm²") + percent),
        ("Cavity dimensions", number(one.dimensions_mm, 1, "mm")),
        ("Wall thicknesses", number(one.thickness_mm, 1, "mm")),
        ("Phase, share of the frames", number(one.phase_percent, 0, "%")),
        ("Thickening of the segments, points", number(one.thickening_points, 0)),
    ]


def _reference(m: SubjectMetrics, one: Reference) -> dict[str, Any]:
    pairs = (
        ("Ejection fraction, %", m.lv_ef_percent, one.ef_percent),
        ("End-diastolic volume, ml", m.lv_edv_ml, one.edv_ml),
        ("End-systolic volume, ml", m.lv_esv_ml, one.esv_ml),
        ("Mass, g", m.lv_mass_g, one.mass_g),
    )
    frames = ", ".join(str(t) for t in one.frames[:6]) + (" and more" if len(one.frames) > 6 else "")
    return {
        "note": f"Somebody drew in {len(one.frames)} of {m.frames} frames ({frames}). Overlap is taken in these, and "
        "in the slices in which something is drawn.",
        "rows": [
            {"name": name, "found": number(found, 1), "truth": number(truth, 1), "apart": _difference(found, truth)}
            for name, found, truth in pairs
        ],
        "dice": [
            ("Cavity, Dice at end-diastole", one.cavity_dice_ed),
            ("Cavity, Dice at end-systole", one.cavity_dice_es),
            ("Wall, Dice at end-diastole", one.wall_dice_ed),
            ("Wall, Dice at end-systole", one.wall_dice_es),
        ],
    }


def _difference(found: Any, other: Any) -> Markup:
    if not (is_number(found) and is_number(other)):
        return number(None)
    apart = number(found - other, 1)
    return Markup("+") + apart if found > other else apart
