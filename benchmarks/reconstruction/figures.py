"""The figures: accuracy against time, calibration and coverage, case by case."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.reconstruction.coverage import LEVELS
from benchmarks.reconstruction.goals import phantom_set
from benchmarks.reconstruction.roster import BASELINE, OURS, REFERENCE, shown
from benchmarks.reconstruction.summary import cpu_s, pooled_coverage, summarize, value
from cardioscar.report.style import INK, MUTED, RULE, new_figure, note, png_bytes, styled

Row = Mapping[str, Any]

COLOURS = {
    "nearest": "#9aa5b0", "signed-distance": "#009e73", BASELINE: "#0072b2", "log-odds+soft": "#56b4e9",
    REFERENCE: INK, "network": "#c9a227", "network+soft": "#b8860b", "network+hard": "#7a5c00",
    "gaussian-process+soft": "#cc79a7", "network&gaussian-process+soft": "#8a4fc7", OURS: "#d55e00",
}  # fmt: skip
OUTLYING = ("nearest", "log-odds+soft", "network+hard")
"""Methods that stand apart in accuracy against time, and so join the few that are shown."""
OTHERS = ("#2f8f8f", "#5f6b2d", "#2f6f7e", "#b03060", "#8c564b", "#4b5d8f", "#3c3c3c")
"""Colours of methods that have none of their own."""


def draw(rows: Sequence[Row], folder: Path) -> dict[str, str]:
    """Draw the phantoms of the reporting set, or of the choosing set where nothing was reported.

    Returns:
        File names by caption.
    """
    best = phantom_set(rows)
    phantoms = [row for row in rows if row["set"] == best]
    drawn: dict[str, str] = {}
    if not phantoms:
        return drawn
    figures = {
        "accuracy-time": ("Accuracy against processor time", accuracy_against_time),
        "calibration": ("Calibration of probabilities and coverage of intervals", calibration),
        "cases": ("Case by case", case_by_case),
    }
    if any(row["looks"] for row in phantoms):
        figures["reference"] = ("Beside the published method", beside_the_reference)
    for name, (caption, make) in figures.items():
        (folder / f"{name}.png").write_bytes(png_bytes(make(phantoms)))
        drawn[f"{caption}, {best} set"] = f"{name}.png"
    return drawn


def colours_of(methods: Sequence[str]) -> dict[str, str]:
    """Colour of each method, the same in every figure of a run."""
    spare = iter(OTHERS * 4)
    return {method: COLOURS.get(method) or next(spare) for method in dict.fromkeys(methods)}


@styled
def accuracy_against_time(rows: Sequence[Row]) -> Figure:
    """Mean Dice and mean volume error against processor time, one row of panels for each size of mesh."""
    colours = colours_of([row["method"] for row in rows])
    sizes = sorted({row["nodes_wanted"] for row in rows})
    figure = new_figure(11.4, 4.2 * len(sizes), gap=0.05)
    panels = figure.subplots(len(sizes), 2, squeeze=False)
    placed = []
    for pair, nodes in zip(panels, sizes, strict=True):
        here = [row for row in rows if row["nodes_wanted"] == nodes]
        placed.append(_time_panel(pair[0], here, colours, "dice", f"Dice, {nodes:,} nodes"))
        placed.append(_time_panel(pair[1], here, colours, "volume_error", f"Volume error (%), {nodes:,} nodes"))
    figure.draw_without_rendering()  # only then is it known where the points lie
    figure.set_layout_engine("none")
    for axes, points in zip(panels.ravel(), placed, strict=True):
        _label(axes, points, colours)
    return figure


def _time_panel(
    axes: Any, rows: Sequence[Row], colours: Mapping[str, str], measure: str, title: str
) -> dict[str, tuple[float, float]]:
    """Draw the points; returns where they lie."""
    axes.set_title(title)
    summaries = summarize(row for row in rows if row["method"] != REFERENCE)
    summaries = {m: s for m, s in summaries.items() if m in (*OUTLYING, *shown(summaries))}
    points = {m: (s["cpu_s"], s[measure]) for m, s in summaries.items() if not math.isnan(s[measure])}
    if not points:
        note(axes, "no results")
        return {}
    axes.set_xscale("log")
    axes.grid(visible=True)
    for method, place in points.items():
        _dot(axes, *place, colours[method], method)
    times, values = ([point[k] for point in points.values()] for k in (0, 1))
    spread = max(max(values) - min(values), 0.01 * max(values))
    axes.set_ylim(min(values) - 0.12 * spread, max(values) + 0.12 * spread)
    # names stand to the right of the points: the rightmost takes a third of the panel
    low, high = np.log10(min(times) / 2), np.log10(max(times))
    axes.set_xlim(10**low, 10 ** (low + (high - low) / 0.6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlabel("CPU seconds a subject: pixels to nodes, map, 20 draws")
    return points


def _dot(axes: Any, x: float, y: float, colour: str, method: str) -> None:
    ours = method == OURS
    axes.plot(
        x, y, "o", color=colour, markersize=10 if ours else 7.5, markeredgecolor="white", markeredgewidth=1.0,
        zorder=4 if ours else 3, label=method,
    )  # fmt: skip


def _label(axes: Any, points: Mapping[str, tuple[float, float]], colours: Mapping[str, str]) -> None:
    """Names to the right of the points, pushed apart where they would lie on each other."""
    point = axes.figure.dpi / 72
    box = axes.get_window_extent()
    at = {method: axes.transData.transform(place) for method, place in points.items()}
    # the dots themselves are in the way too
    taken = [(x - 6 * point, y, 12 * point) for x, y in at.values()]
    for method in sorted(points, key=lambda name: -at[name][1]):
        x, y = at[method][0] + 8 * point, min(at[method][1], box.y1 - 4 * point)
        width = len(method) * 5.2 * point
        clash = True
        while clash:
            clash = any(abs(y - v) < 10 * point and x < u + w and u < x + width for u, v, w in taken)
            y -= clash * point
        taken.append((x, y, width))
        line = {"arrowstyle": "-", "color": RULE, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 4, "relpos": (0, 0.5)}
        axes.annotate(
            method, points[method], xytext=(x, y), textcoords="figure pixels", ha="left", va="center", fontsize=8,
            color=colours[method], weight="bold" if method == OURS else "normal",
            arrowprops=line if abs(y - at[method][1]) > 4 * point else None,
        )  # fmt: skip


@styled
def beside_the_reference(rows: Sequence[Row]) -> Figure:
    """Dice of the published method as its fit goes on, and of the others; one panel for each case that it ran on."""
    colours = colours_of([row["method"] for row in rows])
    curves = [row for row in rows if row["method"] == REFERENCE and row["looks"]]
    figure = new_figure(11.4, 4.4, gap=0.05)
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for axes, curve in zip(panels, curves, strict=True):
        axes.set_title(curve["case"].rsplit(" (", 1)[0].capitalize())
        axes.set_xscale("log")
        axes.grid(visible=True)
        same = (curve["case"], curve["nodes_wanted"])
        own = [row for row in rows if (row["case"], row["nodes_wanted"]) == same and row["method"] != REFERENCE]
        methods = shown(row["method"] for row in own)
        points = {
            row["method"]: (cpu_s(row), row["scores"]["dice"])
            for row in own if row["method"] in methods and row["scores"]["dice"] is not None
        }  # fmt: skip
        times, dice = ([look[name] or 0.0 for look in curve["looks"]] for name in ("cpu_s", "dice"))
        axes.plot(times, dice, color=INK, linewidth=1.4, linestyle=(0, (4, 2)), zorder=2, label=REFERENCE)
        axes.plot(times[-1], dice[-1], "o", color=INK, markersize=6, markeredgecolor="white", zorder=3)
        for method, place in points.items():
            _dot(axes, *place, colours[method], method)
        values = [y for _, y in points.values()]
        high, low = max([dice[-1], *values]), min([dice[-1], *values])
        reach = max(high - low, 0.02)
        axes.set_ylim(max(low - 0.6 * reach, -0.03), high + 0.12 * reach)
        axes.set_xlim(min([x for x, _ in points.values()], default=1) / 2, times[-1] * 5)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.set_xlabel("CPU seconds")
        axes.annotate(
            f"{dice[-1]:.3f}", (times[-1], dice[-1]), xytext=(7, 0), textcoords="offset points", va="center", fontsize=8
        )
    panels[0].set_ylabel("Dice")
    _legend(figure, panels[0])
    return figure


@styled
def calibration(rows: Sequence[Row]) -> Figure:
    """Reliability of probabilities; coverage of 5 mm cubes, AHA segments and scar volume."""
    here, methods, nodes = _largest(rows)
    colours = colours_of([row["method"] for row in rows])
    by_method = {method: [row for row in here if row["method"] == method] for method in methods}
    figure = new_figure(10.6, 8.4, gap=0.06)
    (first, second), (third, fourth) = figure.subplots(2, 2)

    first.set_title(f"Probability of scar at the nodes ({nodes:,} nodes)")
    for method, own in by_method.items():
        _line(first, *_reliability(own), colours[method], method)
    first.set(xlabel="Predicted", ylabel="Observed share of scar", xlim=(0, 1), ylim=(0, 1))
    kinds = (
        (second, "cubes", "Intervals of the scar fraction of 5 mm cubes"),
        (third, "segments", "Intervals of the scar fraction of AHA segments"),
        (fourth, "volume", "Intervals of the scar volume"),
    )
    for axes, kind, title in kinds:
        axes.set_title(title)
        for method, own in by_method.items():
            _line(axes, np.array(LEVELS), np.array(pooled_coverage(own, kind)), colours[method], method)
        axes.set(xlabel="Nominal level", ylabel="Observed coverage", xlim=(0.47, 0.98), ylim=(0, 1.0))
    cases = len({row["case"] for row in here})
    fourth.text(0.98, 0.03, f"one interval a case, {cases} cases", transform=fourth.transAxes, ha="right", color=MUTED)
    for axes in (first, second, third, fourth):
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)), zorder=1)
        axes.grid(visible=True)
    _legend(figure, first)
    return figure


def _largest(rows: Sequence[Row]) -> tuple[list[Row], list[str], int]:
    """Rows on the largest meshes, the methods to draw, and the number of nodes."""
    nodes = max(row["nodes_wanted"] for row in rows)
    here = [row for row in rows if row["nodes_wanted"] == nodes and row["method"] != REFERENCE]
    methods = shown(dict.fromkeys(row["method"] for row in here))
    return [row for row in here if row["method"] in methods], methods, nodes


def _line(axes: Any, x: np.ndarray, y: np.ndarray, colour: str, method: str) -> None:
    ours = method == OURS
    axes.plot(
        x, y, marker="o", color=colour, linewidth=2.2 if ours else 1.3, markersize=6 if ours else 4.5,
        markeredgecolor="white", markeredgewidth=0.6, label=method, clip_on=False, zorder=4 if ours else 3,
    )  # fmt: skip


def _reliability(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Mean prediction and share of scar in each bin, pooled over cases by volume."""
    parts = [row["scores"]["reliability"] for row in rows]
    weight, predicted, observed = (
        np.array([[0.0 if x is None else x for x in part[name]] for part in parts])
        for name in ("weight", "predicted", "observed")
    )
    total = weight.sum(axis=0)
    full = total > 0
    return (weight * predicted).sum(axis=0)[full] / total[full], (weight * observed).sum(axis=0)[full] / total[full]


@styled
def case_by_case(rows: Sequence[Row]) -> Figure:
    """Dice over log-odds, volume error, corridor kept and cube coverage of each case, a dot for each method."""
    here, methods, nodes = _largest(rows)
    colours = colours_of([row["method"] for row in rows])
    cases = list(dict.fromkeys(row["case"] for row in here))
    baseline = {row["case"]: row["scores"]["dice"] for row in here if row["method"] == BASELINE}
    figure = new_figure(11.4, 1.5 + 0.62 * len(cases), gap=0.03)
    panels = (
        ("dice", "Dice over log-odds"), ("volume_error", "Volume error (%)"), ("corridor_kept", "Corridor kept"),
        ("cubes_coverage", "Cubes in 90 % interval"),
    )  # fmt: skip
    for axes, (measure, title) in zip(figure.subplots(1, 4, sharey=True), panels, strict=True):
        axes.set_title(title)
        for place, method in enumerate(methods):
            # the methods of one case stand below each other, so that equal ones are seen
            offset = 0.6 * (place / max(len(methods) - 1, 1) - 0.5)
            own = [row for row in here if row["method"] == method]
            x = np.array([value(row, measure) for row in own])
            if measure == "dice":
                x -= [math.nan if baseline.get(row["case"]) is None else baseline[row["case"]] for row in own]
            if measure == "volume_error":
                x = np.maximum(x, 0.1)
            y = [cases.index(row["case"]) + offset for row in own]
            axes.plot(
                x, y, "o", color=colours[method], markersize=7 if method == OURS else 5.2, markeredgecolor="white",
                markeredgewidth=0.7, label=method, clip_on=False, zorder=4 if method == OURS else 3,
            )  # fmt: skip
        for line in range(len(cases) - 1):
            axes.axhline(line + 0.5, color=RULE, linewidth=0.7)
        axes.grid(visible=True, axis="x")
        axes.set_yticks(range(len(cases)), [case.rsplit(" (", 1)[0] for case in cases])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.set_ylim(len(cases) - 0.5, -0.5)
        axes.spines["left"].set_visible(False)
        if measure == "dice":
            axes.axvline(0, color=MUTED, linewidth=0.9, zorder=1)
        elif measure == "volume_error":
            axes.set_xscale("log")
            axes.set_xlim(0.09, None)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: "≤ 0.1" if x <= 0.1 else f"{x:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        elif measure == "cubes_coverage":
            axes.axvspan(0.87, 0.93, color="#e9eef2", zorder=0)
            axes.set_xlim(0, 1)
    _legend(figure, figure.axes[0], f"{nodes:,} nodes")
    return figure


def _legend(figure: Figure, axes: Any, title: str | None = None) -> None:
    handles, names = axes.get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=min(len(names), 7), title=title, title_fontsize=8,
    )  # fmt: skip
