"""The goals, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.measured import table
from benchmarks.reconstruction.roster import HARD, OURS
from benchmarks.reconstruction.suite import EXACT
from benchmarks.reconstruction.summary import reference_ratios, summarize

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """One quantity, what it should be, and where it is read."""

    quantity: str
    """As in tables."""
    measure: str
    """Name in a summary; `reference_ratio` is computed apart."""
    goal: float
    stretch: float | None
    better: Literal["more", "less", "inside"]
    """`inside`: between goal and stretch, on every case for the stretch."""
    nodes: int
    """Wanted nodes of the cases; 0 for the real case."""
    method: str = OURS
    case: str = ""
    """A word in the case's name; empty for the mean over all."""
    form: str = "{:.3g}"


GOALS = (
    Goal("Dice over log-odds", "dice_gain", 0.020, 0.035, "more", 300_000, form="{:+.3f}"),
    Goal("volume error, %", "volume_error", 2.5, 1.5, "less", 300_000, form="{:.2f}"),
    Goal("corridor kept, mean", "corridor_kept", 0.91, 0.94, "more", 300_000, form="{:.2f}"),
    Goal("corridor kept, worst", "corridor_kept_worst", 0.72, 0.80, "more", 300_000, form="{:.2f}"),
    Goal("node ECE", "ece", 0.008, 0.005, "less", 300_000, form="{:.4f}"),
    Goal("coverage of 90 % intervals, 5 mm cubes", "cubes_coverage", 0.87, 0.93, "inside", 300_000, form="{:.2f}"),
    Goal("largest group residual", "residual_max", 1e-6, 1e-9, "less", 300_000, method=HARD, form="{:.1e}"),
    Goal("CPU-s a subject, 30,000 nodes", "cpu_s", 5, 2, "less", 30_000, form="{:.1f}"),
    Goal("CPU-s a subject, 300,000 nodes", "cpu_s", 12, 5, "less", 300_000, form="{:.1f}"),
    Goal("times sooner than the reference at equal Dice", "reference_ratio", 200, 1000, "more", 30_000, form="{:.0f}"),
    Goal("peak memory at 1.4 million nodes, MiB", "peak_mib", 4096, 2048, "less", 1_400_000, form="{:.0f}"),
    Goal("real case, odd slices hidden, Dice", "dice", 0.85, None, "more", 0, case="odd", form="{:.3f}"),
    Goal("real case, even slices hidden, Dice", "dice", 0.91, None, "more", 0, case="even", form="{:.3f}"),
)  # fmt: skip


def goals_table(rows: Sequence[Row]) -> str:
    """Each goal with its figure, over all cases and over those that are read exactly; a goal without results says so.

    Figures of phantoms are those of the reporting set; only where nothing of it was run, those of the choosing set.
    """
    reported = phantom_set(rows)
    lines = []
    for goal in GOALS:
        of_goal = [
            row for row in rows
            if row["nodes_wanted"] == goal.nodes and goal.case in row["case"]
            and row["set"] == ("real" if not goal.nodes else "memory" if goal.measure == "peak_mib" else reported)
        ]  # fmt: skip
        exact = [row for row in of_goal if row["case"] in EXACT]
        both = [_shown(goal, of_goal), _shown(goal, exact) if goal.nodes and len(exact) < len(of_goal) else ""]
        lines.append([goal.quantity, goal.method, *_limits(goal), *both])
    return table(["quantity", "method", "goal", "stretch", "all cases", "cases read exactly"], lines)


def phantom_set(rows: Sequence[Row]) -> str:
    """The set that goals and figures speak of."""
    return "reporting" if any(row["set"] == "reporting" for row in rows) else "choosing"


def _shown(goal: Goal, rows: Sequence[Row]) -> str:
    """The figure with its verdict."""
    figure, bound = _figure(rows, goal)
    if math.isnan(figure):
        return "not run"
    spread = _spread(rows, goal) if goal.better == "inside" else ""
    verdict = _verdict(goal, rows, figure)
    if bound and verdict == "missed":
        verdict = "open"  # a lower bound below the goal decides nothing
    return f"{bound}{goal.form.format(figure)}{spread}, {verdict}"


def _figure(rows: Sequence[Row], goal: Goal) -> tuple[float, str]:
    """The figure, and `> ` where it is a lower bound."""
    if goal.measure == "reference_ratio":
        ratio, there, _ = reference_ratios(rows).get(goal.method, (math.nan, True, 0))
        return ratio, "" if there else "> "
    summary = summarize(rows).get(goal.method)
    return (math.nan if summary is None else summary[goal.measure]), ""


def _spread(rows: Sequence[Row], goal: Goal) -> str:
    summary = summarize(rows).get(goal.method)
    if summary is None or math.isnan(summary[f"{goal.measure}_worst"]):
        return ""
    return f" ({summary[f'{goal.measure}_worst']:.2f}–{summary[f'{goal.measure}_best']:.2f})"


def _limits(goal: Goal) -> tuple[str, str]:
    if goal.better == "inside":
        return f"{goal.goal:g}–{goal.stretch:g}", "the same on every case"
    sign = "≥" if goal.better == "more" else "≤"
    return f"{sign} {goal.goal:g}", "" if goal.stretch is None else f"{sign} {goal.stretch:g}"


def _verdict(goal: Goal, rows: Sequence[Row], figure: float) -> str:
    if goal.better == "inside":
        assert goal.stretch is not None
        summary = summarize(rows)[goal.method]
        every = goal.goal <= summary[f"{goal.measure}_worst"] and summary[f"{goal.measure}_best"] <= goal.stretch
        met = (goal.goal <= figure <= goal.stretch, every)
    else:
        sign = 1 if goal.better == "more" else -1
        stretch = goal.stretch is not None and sign * figure >= sign * goal.stretch
        met = (sign * figure >= sign * goal.goal, stretch)
    return "stretch" if met[1] else "goal" if met[0] else "missed"
