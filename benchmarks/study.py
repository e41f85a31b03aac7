"""How often `cardioscar study` names the true best site, on phantom patients with late enhancement, cine and strain.

python -m benchmarks.study FOLDER [--first 0] [--patients 20] [--nodes 4000] [--without strain] [-- FLAGS OF STUDY]

Writes the patients, runs the real command over them, and prints a row for each, and the means, in Markdown. What
`--without` names is taken out of the folders: strain leaves the contours of the cine, labels and cine_labels leave
these to the networks.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.activation.sites.phantom_folders import write_patients
from cardioscar.phantom.config import PhantomConfig

HIT_MM = 15.0
"""A site nearer than this to the true best one is that one: half the size of a segment."""


@dataclass(frozen=True)
class Row:
    """One patient."""

    seed: int
    """Of the patient."""
    true_ms: float
    """Score of the true best site on the true maps."""
    nearest_mm: float
    """From it to the nearest site that is named; infinite where none is."""
    same_segment: bool
    """Whether one of them lies in its segment."""
    lost_ms: float
    """By how much the best of them is worse on the true maps; all, where none is named."""
    scar_error_ml: float
    """Scar volume of the map less the true one."""
    ef_percent: float
    """Ejection fraction."""
    verdict: str
    """Of the plan."""


def row_of(seed: int, patient: Path, result: Path) -> Row:
    """Compare a plan with the truth.

    Args:
        seed: Of the patient.
        patient: Its folder.
        result: Its published results.
    """
    truth = json.loads((patient / "phantom.json").read_text(encoding="utf-8"))
    best, (plan, numbers, verdict) = truth["best_site"], _plan(result)
    sites = plan.get("sites", [])
    apart = [float(np.linalg.norm(np.subtract(one["position_mm"], best["position_mm"]))) for one in sites]
    scores = [_true_score_ms(patient / "truth.vtu", one["position_mm"]) for one in sites]
    return Row(
        seed=seed,
        true_ms=best["score_ms"],
        nearest_mm=min(apart, default=np.inf),
        same_segment=any(one["segment"] == best["segment"] for one in sites),
        lost_ms=best["score_ms"] - max(scores, default=0.0),
        scar_error_ml=_number(numbers, "scar_ml") - truth["scar_ml"],
        ef_percent=_number(numbers, "lv_ef_percent"),
        verdict=verdict,
    )


def table(rows: Sequence[Row]) -> list[str]:
    """Rows in Markdown, and what they come to."""
    lines = [
        "| patient | true best, ms | nearest of three, mm | found | same segment | lost, ms | scar error, ml | EF, % "
        "| verdict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        cells = [str(one.seed), f"{one.true_ms:.0f}", f"{one.nearest_mm:.0f}", _word(one.nearest_mm <= HIT_MM)]
        cells += [_word(one.same_segment), f"{one.lost_ms:.1f}", f"{one.scar_error_ml:+.1f}", f"{one.ef_percent:.0f}"]
        lines.append("| " + " | ".join([*cells, one.verdict]) + " |")
    within = ", ".join(f"{sum(one.nearest_mm <= mm for one in rows)} within {mm} mm" for mm in (10, 15, 20))
    lost = np.array([one.lost_ms for one in rows])
    true_ms, same = np.mean([one.true_ms for one in rows]), sum(one.same_segment for one in rows)
    return [
        *lines,
        "",
        f"Of {len(rows)}: {within}; same segment {same}; lost {lost.mean():.1f} ms in the mean, "
        f"{np.median(lost):.1f} in the median, of {true_ms:.0f}",
    ]


def _plan(result: Path) -> tuple[dict[str, Any], dict[str, Any], str]:
    if not (result / "plan.json").is_file():
        return {}, {}, "no plan"
    plan = json.loads((result / "plan.json").read_text(encoding="utf-8"))
    metrics = json.loads((result / "metrics.json").read_text(encoding="utf-8"))
    return plan, metrics["numbers"], plan["qc"]["verdict"]


def _true_score_ms(truth: Path, position_mm: Sequence[float], footprint_mm: float = 6.0) -> float:
    from cardioscar.activation.sites.score import lateness_ms
    from cardioscar.imaging.formats.vtk_files import read_vtk

    grid = read_vtk(truth, own=True)
    late = lateness_ms(np.asarray(grid.point_data["tos_ms"]))
    free = 1 - np.asarray(grid.point_data["scar_truth"], dtype=float)
    near = np.linalg.norm(np.asarray(grid.points) - position_mm, axis=1) <= footprint_mm
    return float((late * free)[near].mean()) if near.any() else 0.0


def _number(numbers: dict[str, Any], name: str) -> float:
    value = numbers.get(name)
    return np.nan if value is None else float(value)


def _word(value: bool) -> str:
    return "yes" if value else "no"


def main(words: list[str] | None = None) -> int:
    """Write patients, run the command, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--nodes", type=int, default=4_000)
    parser.add_argument("--without", nargs="*", default=[], choices=["strain", "labels", "cine_labels", "cine", "lge"])
    given, flags = parser.parse_known_args(words)
    flags = [flag for flag in flags if flag != "--"]
    cohort, out = given.folder / "patients", given.folder / "out"
    ids = write_patients(cohort, PhantomConfig(subjects=given.patients, seed=given.first, nodes=given.nodes))
    for subject in ids:
        for role in given.without:
            for path in (cohort / subject).glob(f"{role}.*"):
                path.unlink()
    began = time.monotonic()
    command = [sys.executable, "-m", "cardioscar.cli", "study", str(cohort), "-o", str(out), "--tracking-uri", "off"]
    subprocess.run([*command, "--max-failed-fraction", "1", *flags], check=True)
    wall, spent = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = [row_of(given.first + k, cohort / one, out / "results" / one) for k, one in enumerate(ids)]
    print("\n".join(table(rows)))
    print(f"\n{spent.ru_utime + spent.ru_stime:.0f} s of processors, {wall:.0f} s of the clock")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
