"""Two runs of one cohort beside each other: which verdicts changed, and how far the numbers lie apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cardioscar.report.cohort_table import CohortRow, CohortTable


@dataclass(frozen=True)
class Difference:
    """One number over the subjects that both runs have.

    Attributes:
        key: Its name in `cohort.csv`.
        heading: Its heading.
        subjects: How many have it in both.
        mean: Mean of B − A.
        lower: Lower limit of agreement, mean − 1.96 SD [@bland1986]; NaN for fewer than two subjects.
        upper: Upper limit of agreement.
        largest: Subject that differs most.
        largest_by: By how much, B − A.
    """

    key: str
    heading: str
    subjects: int
    mean: float
    lower: float
    upper: float
    largest: str
    largest_by: float


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs.

    Attributes:
        both: Subjects in both, in order.
        only_a: Subjects of the first alone.
        only_b: Subjects of the second alone.
        changed: Subject, outcome or verdict in A, and in B, where they differ.
        differences: By number.
    """

    both: tuple[str, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    changed: tuple[tuple[str, str, str], ...]
    differences: tuple[Difference, ...]


def compare(a: CohortTable, b: CohortTable) -> Comparison:
    """Compare two tables subject by subject; numbers are those that both declare."""
    of_a, of_b = ({row.subject: row for row in table.rows} for table in (a, b))
    both = [name for name in of_a if name in of_b]
    changed = [(n, _word(of_a[n]), _word(of_b[n])) for n in both if _word(of_a[n]) != _word(of_b[n])]
    keys = [column for column in a.columns.numbers if column.key in b.columns.by_key]
    differences = []
    for column in keys:
        pairs = [(n, of_a[n].metrics.get(column.key), of_b[n].metrics.get(column.key)) for n in both]
        known = [(n, y - x) for n, x, y in pairs if x is not None and y is not None and math.isfinite(y - x)]
        if known:
            apart = np.array([value for _, value in known])
            spread = 1.96 * float(apart.std(ddof=1)) if len(apart) > 1 else math.nan
            most, by = known[int(np.abs(apart).argmax())]
            mean = float(apart.mean())
            differences.append(
                Difference(column.key, column.heading, len(known), mean, mean - spread, mean + spread, most, by)
            )
    return Comparison(
        tuple(both),
        tuple(name for name in of_a if name not in of_b),
        tuple(name for name in of_b if name not in of_a),
        tuple(changed),
        tuple(differences),
    )


def _word(row: CohortRow) -> str:
    return row.qc or row.outcome
