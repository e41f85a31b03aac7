"""From rows of trials to one line for each method."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.reconstruction.coverage import LEVELS
from benchmarks.reconstruction.roster import BASELINE, REFERENCE, TO_BEAT

Row = Mapping[str, Any]
Summary = dict[str, float]

NINETY = LEVELS.index(0.9)


def value(row: Row, name: str) -> float:
    """One number of a trial; NaN where it is undefined."""
    found = _DERIVED[name](row) if name in _DERIVED else row["scores"].get(name)
    return math.nan if found is None else float(found)


def cubes_coverage(row: Row, level: int = NINETY) -> float | None:
    """Share of the cubes in doubt whose truth lies in the central interval of a level, by rank."""
    cubes = row["coverage"] and row["coverage"].get("cubes")
    return cubes["hits"][level] / cubes["count"] if cubes and cubes["count"] else None


def cpu_s(row: Row) -> float:
    """Processor time of mapping pixels, fit, and timed draws."""
    return float(sum(row["cpu_s"].values()))


_DERIVED: Mapping[str, Callable[[Row], float | None]] = {
    "cubes_coverage": cubes_coverage,
    "cubes_z_rms": lambda row: _share(row, lambda c: c["cubes"]["z_square"], lambda c: c["cubes"]["count"], root=True),
    "cubes_closed": lambda row: _share(row, lambda c: c["cubes"]["closed_hits"], lambda c: c["cubes"]["count"]),
    "node_coverage": lambda row: _share(row, lambda c: c["nodes"]["hits"][NINETY], lambda c: c["nodes"]["count"]),
    "cpu_s": cpu_s,
    "fit_cpu_s": lambda row: row["cpu_s"]["map_pixels"] + row["cpu_s"]["fit"],
    "wall_s": lambda row: sum(row["wall_s"].values()),
    "peak_mib": lambda row: row["peak_mib"],
}


def summarize(rows: Iterable[Row]) -> dict[str, Summary]:
    """Means over cases by method, in the order in which methods come.

    Returns:
        For each method every measure's mean, `…_worst` of some, pooled coverages, `dice_gain` over log-odds and
        `over_to_beat` over the baseline of drawn slices on the same cases (`…_half` of its
        95 % interval), and the number of `cases`.
    """
    by_method: dict[str, list[Row]] = {}
    for row in rows:
        by_method.setdefault(row["method"], []).append(row)
    baseline = {row["case"]: row["scores"]["dice"] for row in by_method.get(BASELINE, [])}
    to_beat = {row["case"]: row["scores"]["dice"] for row in by_method.get(TO_BEAT, [])}
    return {method: _summary(own, baseline, to_beat) for method, own in by_method.items()}


MEANS = (
    "dice", "dice_gap", "volume_error", "soft_volume_error", "corridor_kept", "corridor_connected", "hd95_mm", "ece",
    "brier", "residual_rms", "cubes_coverage", "cubes_closed", "cubes_z_rms", "node_coverage", "cpu_s",
    "fit_cpu_s", "wall_s", "peak_mib",
)  # fmt: skip


def _summary(rows: Sequence[Row], baseline: Mapping[str, float], to_beat: Mapping[str, float]) -> Summary:
    summary = {name: _mean(value(row, name) for row in rows) for name in MEANS}
    for name, worst in (("corridor_kept", min), ("dice", min), ("cubes_coverage", min), ("residual_rms", max)):
        known = [x for x in (value(row, name) for row in rows) if not math.isnan(x)]
        summary[f"{name}_worst"] = worst(known) if known else math.nan
    summary["cubes_coverage_best"] = max(
        (x for x in (value(row, "cubes_coverage") for row in rows) if not math.isnan(x)), default=math.nan
    )
    summary["residual_max"] = _worst(row["scores"].get("residual_max") for row in rows)
    summary["peak_mib"] = max(row["peak_mib"] for row in rows)
    summary["empty_mib"] = max(row["empty_mib"] for row in rows)
    summary["dice_gain"] = _mean(_gains(rows, baseline))
    gains = _gains(rows, to_beat)
    summary["over_to_beat"] = _mean(gains)
    summary["over_to_beat_half"] = (
        1.96 * float(np.std(gains, ddof=1)) / len(gains) ** 0.5 if len(gains) > 1 else math.nan
    )
    summary["cases"] = float(len(rows))
    for kind in ("cubes", "segments", "volume", "nodes", "areas"):
        summary[f"{kind}_pooled"] = pooled_coverage(rows, kind)[NINETY]
    return summary


def _gains(rows: Sequence[Row], other: Mapping[str, float | None]) -> list[float]:
    """Dice less that of another method, on the cases where both have one."""
    pairs = [(row["scores"]["dice"], other.get(row["case"])) for row in rows]
    return [own - theirs for own, theirs in pairs if own is not None and theirs is not None]


def pooled_coverage(rows: Iterable[Row], kind: str) -> list[float]:
    """Observed coverage at each level, pooled over cases.

    Args:
        rows: Trials.
        kind: `cubes`, `segments`, `volume`, `nodes`, or `areas` of hidden slices.
    """
    hits, count = np.zeros(len(LEVELS)), 0
    for row in rows:
        found = row["coverage"]
        if not found or kind not in found:
            continue
        hits, count = hits + np.array(found[kind]["hits"]), count + found[kind]["count"]
    return [float(x) for x in hits / count] if count else [math.nan] * len(LEVELS)


def reference_ratio(row: Row, reference: Row) -> tuple[float, bool] | None:
    """Time of the reference until its Dice is this trial's, over this trial's time.

    Args:
        row: A trial.
        reference: The reference on the same case, with its looks.

    Returns:
        The ratio, and whether the reference got there; if not, its whole budget gives a lower bound. None without
        looks or without Dice.
    """
    goal, looks = row["scores"]["dice"], reference["looks"]
    if goal is None or not looks:
        return None
    # a look where no node is scar yet has no overlap
    times, reached = [look["cpu_s"] for look in looks], [look["dice"] >= goal for look in looks]
    first = next((time for time, there in zip(times, reached, strict=True) if there), None)
    return (times[-1] if first is None else first) / max(cpu_s(row), 1e-3), first is not None


def reference_ratios(rows: Sequence[Row]) -> dict[str, tuple[float, bool, int]]:
    """Geometric mean of `reference_ratio` by method, whether the reference got there on every case, number of cases."""
    references = {row["case"]: row for row in rows if row["method"] == REFERENCE}
    ratios: dict[str, list[tuple[float, bool]]] = {}
    for row in rows:
        found = reference_ratio(row, references[row["case"]]) if row["case"] in references else None
        if found and row["method"] != REFERENCE:
            ratios.setdefault(row["method"], []).append(found)
    return {
        method: (float(np.exp(np.mean([math.log(r) for r, _ in all_]))), all(there for _, there in all_), len(all_))
        for method, all_ in ratios.items()
    }


def _share(
    row: Row, part: Callable[[Any], float], whole: Callable[[Any], float], *, root: bool = False
) -> float | None:
    found = row["coverage"]
    if not found or "cubes" not in found or not whole(found):
        return None
    ratio = part(found) / whole(found)
    return math.sqrt(ratio) if root else ratio


def _worst(values: Iterable[float | None]) -> float:
    return max((x for x in values if x is not None), default=math.nan)


def _mean(values: Iterable[float]) -> float:
    known = [x for x in values if not math.isnan(x)]
    return sum(known) / len(known) if known else math.nan
