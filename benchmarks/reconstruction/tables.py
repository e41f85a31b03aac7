"""The tables: means by method, cases one by one, and what each cost; as Markdown and CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

from benchmarks.measured import table
from benchmarks.reconstruction.roster import OURS, REFERENCE, TO_BEAT, shown
from benchmarks.reconstruction.summary import MEANS, Summary, reference_ratios, summarize, value

Row = Mapping[str, Any]

ACCURACY = (
    ("Dice", "dice", "{:.3f}"),
    ("over log-odds", "dice_gain", "{:+.3f}"),
    ("Dice, gaps", "dice_gap", "{:.3f}"),
    ("volume error %", "volume_error", "{:.1f}"),
    ("expected volume error %", "soft_volume_error", "{:.1f}"),
    ("corridor kept", "corridor_kept", "{:.2f}"),
    ("worst", "corridor_kept_worst", "{:.2f}"),
    ("connected", "corridor_connected", "{:.2f}"),
    ("HD95 mm", "hd95_mm", "{:.1f}"),
    ("group residual", "residual_rms", "{:.2g}"),
)
UNCERTAINTY = (
    ("ECE", "ece", "{:.4f}"),
    ("Brier", "brier", "{:.4f}"),
    ("cubes", "cubes_coverage", "{:.2f}"),
    ("least", "cubes_coverage_worst", "{:.2f}"),
    ("most", "cubes_coverage_best", "{:.2f}"),
    ("closed", "cubes_closed", "{:.2f}"),
    ("z rms", "cubes_z_rms", "{:.2f}"),
    ("AHA segments", "segments_pooled", "{:.2f}"),
    ("scar volume", "volume_pooled", "{:.2f}"),
    ("nodes in doubt", "nodes_pooled", "{:.2f}"),
)
COST = (
    ("CPU-s, map", "fit_cpu_s", "{:.2f}"),
    ("CPU-s, map and 20 draws", "cpu_s", "{:.2f}"),
    ("wall s", "wall_s", "{:.2f}"),
    ("peak MiB", "peak_mib", "{:.0f}"),
    ("of it before", "empty_mib", "{:.0f}"),
)
PIXELS = (
    ("Dice", "dice", "{:.3f}"),
    (f"over {TO_BEAT}", "over_to_beat", "{:+.3f}"),
    ("±", "over_to_beat_half", "{:.3f}"),
    ("volume error %", "volume_error", "{:.1f}"),
    ("ECE", "ece", "{:.4f}"),
    ("Brier", "brier", "{:.4f}"),
    ("slices' areas", "areas_pooled", "{:.2f}"),
    ("group residual", "residual_rms", "{:.2g}"),
    ("CPU-s", "cpu_s", "{:.1f}"),
)
FACTS = (
    ("pixels say", "reading", "{}"),
    ("scar ml", "scar_ml", "{:.1f}"),
    ("wall ml", "wall_ml", "{:.0f}"),
    ("corridor mm", "isthmus_width_mm", "{:.1f}"),
    ("at degrees", "isthmus_angle_deg", "{:.0f}"),
    ("slices", "slices", "{}"),
    ("pixel mm", "pixel_mm", "{:.2f}"),
    ("apart mm", "spacing_mm", "{:.1f}"),
    ("thick mm", "slice_thickness_mm", "{:.1f}"),
    ("tilt degrees", "tilt_deg", "{:.0f}"),
    ("shift mm", "shift_sd_mm", "{:g}"),
    ("SNR", "snr", "{:g}"),
    ("label error", "label_noise", "{:g}"),
)
Columns = Sequence[tuple[str, str, str]]


def method_table(summaries: Mapping[str, Summary], columns: Columns) -> str:
    """One line for each method, its number of cases beside its name where it ran on fewer than others."""
    most = max((s["cases"] for s in summaries.values()), default=0)
    lines = []
    for method, summary in summaries.items():
        name = _name(method)
        name += "" if summary["cases"] == most else f" ({summary['cases']:.0f} of {most:.0f} cases)"
        lines.append([name, *(_text(summary[key], form) for _, key, form in columns)])
    return table(["method", *(title for title, _, _ in columns)], lines)


def facts_table(rows: Sequence[Row]) -> str:
    """What each case is: one line for each."""
    about = {row["case"]: row.get("about", {}) for row in rows}
    lines = [
        [case, *("–" if facts.get(key) is None else form.format(facts[key]) for _, key, form in FACTS)]
        for case, facts in about.items()
    ]
    return table(["case", *(title for title, _, _ in FACTS)], lines)


def case_table(rows: Sequence[Row], measure: str, form: str) -> str:
    """One line for each case, one column for each of the methods that figures show; empty where nothing is defined."""
    methods = shown(dict.fromkeys(row["method"] for row in rows if row["method"] != REFERENCE))
    cases = list(dict.fromkeys(row["case"] for row in rows))
    found = {(row["case"], row["method"]): value(row, measure) for row in rows}
    known = [case for case in cases if any(not math.isnan(found.get((case, m), math.nan)) for m in methods)]
    lines = [[case, *(_text(found.get((case, m), math.nan), form) for m in methods)] for case in known]
    return table(["case", *methods], lines) if lines else ""


def ratio_table(rows: Sequence[Row]) -> str:
    """Every method on the reference's cases, and how many times sooner it is there; empty without a reference."""
    ratios = reference_ratios(rows)
    if not ratios:
        return ""
    cases = {row["case"] for row in rows if row["method"] == REFERENCE}
    summaries = summarize(row for row in rows if row["case"] in cases)
    lines = []
    for method, summary in summaries.items():
        ratio, there, _ = ratios.get(method, (math.nan, True, 0))
        lines.append(
            [_name(method), _text(summary["dice"], "{:.3f}"), _text(summary["cpu_s"], "{:.2f}"),
             "–" if math.isnan(ratio) else f"{'' if there else '> '}{ratio:.3g}"]
        )  # fmt: skip
    return table(["method", "Dice", "CPU-s", "times sooner than the reference"], lines)


def csv_text(rows: Iterable[Row]) -> str:
    """Every trial as a line of numbers."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["method", "case", "set", "nodes", "seed", *MEANS, "error"])
    for row in rows:
        numbers = ["" if "error" in row else _text(value(row, name), "{:.6g}", none="") for name in MEANS]
        writer.writerow(
            [row["method"], row["case"], row["set"], row["nodes_wanted"], row["seed"], *numbers, row.get("error", "")]
        )
    return stream.getvalue()


def _name(method: str) -> str:
    return f"**{method}**" if method == OURS else method


def _text(number: float, form: str, *, none: str = "–") -> str:
    return none if math.isnan(number) else form.format(number)
