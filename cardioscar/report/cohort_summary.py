"""What is said of a cohort in a few numbers: counts, the failed share, the verdict, means and medians."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from cardioscar.report.cohort_columns import CohortColumns
from cardioscar.report.cohort_table import CohortRow, failed_fraction


def cohort_summary(
    rows: Sequence[CohortRow], max_failed_fraction: float, cohort: str, columns: CohortColumns
) -> dict[str, float | int | str]:
    """Count a cohort's subjects, and take the verdict.

    Args:
        rows: The subjects that count; at least one.
        max_failed_fraction: Largest share of failed subjects with which it is accepted, 0 to 1.
        cohort: Its name.
        columns: Which numbers are averaged.

    Returns:
        `cohort`, `subjects`, `ok`, `failed`, `review`, `qc_failed`, `failed_fraction`, `max_failed_fraction`, `verdict`
        (`accepted` or `rejected`), and `mean_<key>` and `median_<key>` of the numbers that any subject has.
    """
    failed, fraction = sum(row.outcome != "ok" for row in rows), failed_fraction(rows)
    summary: dict[str, float | int | str] = {
        "cohort": cohort,
        "subjects": len(rows),
        "ok": len(rows) - failed,
        "failed": failed,
        "review": sum(row.qc == "review" for row in rows),
        "qc_failed": sum(row.qc == "fail" for row in rows),
        "failed_fraction": fraction,
        "max_failed_fraction": max_failed_fraction,
        "verdict": "rejected" if fraction > max_failed_fraction else "accepted",
    }
    for what, middle, keys in (("mean", _mean, columns.means), ("median", median, columns.medians)):
        for key in keys:
            found = [row.metrics.get(key) for row in rows]
            values = [value for value in found if value is not None and math.isfinite(value)]
            if values:
                summary[f"{what}_{key}"] = middle(values)
    return summary


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
