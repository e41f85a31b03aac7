"""How often the true best site for a lead is among the three that are named, on phantom patients.

python -m benchmarks.lead_sites [--first 0] [--patients 20] [--tos-error-ms 10] [--scar-error-mm 3]

Prints a row for each patient, and the means, in Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from cardioscar.activation.sites.trial import Trial, TrialConfig, run_trial


def table(trials: Sequence[Trial]) -> list[str]:
    """Rows of a table, and what they come to."""
    rows = [
        "| patient | true best, ms | nearest of three, mm | found | by chance | same segment | lost, ms "
        "| lost by the first | lost without the scar map | latest wall is scar |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in trials:
        numbers = (one.lost_ms, one.first_lost_ms, one.blind_lost_ms)
        cells = [str(one.seed), f"{one.true_score_ms:.0f}", f"{one.distance_mm:.0f}", _word(one.hit)]
        cells += [f"{one.chance:.2f}", _word(one.same_segment), *(f"{abs(value):.1f}" for value in numbers)]
        rows.append("| " + " | ".join([*cells, _word(one.latest_is_scarred)]) + " |")
    within = ", ".join(
        f"{np.mean([one.distance_mm <= reach for one in trials]):.2f} within {reach} mm" for reach in (10, 15, 20)
    )
    astray = [one for one in trials if one.latest_is_scarred]
    rows += [
        "",
        f"{sum(one.hit for one in trials)} of {len(trials)} found ({within}), by chance "
        f"{np.mean([one.chance for one in trials]):.2f}; same segment {sum(one.same_segment for one in trials)}; lost "
        f"{np.mean([one.lost_ms for one in trials]):.1f} ms, by the first alone "
        f"{np.mean([one.first_lost_ms for one in trials]):.1f}, without the scar map "
        f"{np.mean([one.blind_lost_ms for one in trials]):.1f}",
    ]
    if astray:
        rows.append(
            f"of the {len(astray)} whose latest wall is scar: {sum(one.hit for one in astray)} found, lost "
            f"{np.mean([one.lost_ms for one in astray]):.1f} ms, without the scar map "
            f"{np.mean([one.blind_lost_ms for one in astray]):.1f}"
        )
    return rows


def _word(value: bool) -> str:
    return "yes" if value else "no"


def main(words: list[str] | None = None) -> int:
    """Try and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--tos-error-ms", type=float, default=TrialConfig().tos_error_ms)
    parser.add_argument("--scar-error-mm", type=float, default=TrialConfig().scar_error_mm)
    given: Any = parser.parse_args(words)
    began = time.process_time()
    config = TrialConfig(tos_error_ms=given.tos_error_ms, scar_error_mm=given.scar_error_mm)
    trials = [run_trial(seed, config) for seed in range(given.first, given.first + given.patients)]
    print("\n".join(table(trials)))
    print(f"\n{time.process_time() - began:.0f} s of one core")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
