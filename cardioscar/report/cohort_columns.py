"""What a family says its cohort's table holds: columns, charts and means, told once for page, files and terminal.

The declaration is written into `cohort.json`, so that whoever draws table and page again need not know the family.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cardioscar.errors import ConfigError

BEFORE = ("subject", "outcome", "stage", "error_kind", "error_message", "qc")
"""First columns of the CSV file, whatever the family."""
AFTER = ("report", "of_run")
"""Those after the numbers."""
SIGNED = ("signed_off", "signoff_note")
"""The last ones: what a person said."""


@dataclass(frozen=True)
class Heading:
    """What a number or a text of a subject is called at one place.

    Attributes:
        key: Its name in `cohort.csv` and `cohort.json`.
        heading: What is read above it; on the terminal its lines keep the table within 80 characters.
    """

    key: str
    heading: str


@dataclass(frozen=True)
class Column:
    """One number of each subject.

    Attributes:
        key: Its name in `cohort.csv` and `cohort.json`.
        heading: Heading on the page, with the unit.
        decimals: Decimals on page and terminal; the files hold full precision.
    """

    key: str
    heading: str
    decimals: int


@dataclass(frozen=True)
class IntervalColumn:
    """Two numbers that the page shows as one column of text, in place of the lower one.

    Attributes:
        heading: Heading on the page, with the unit.
        lower: Key of the lower end.
        upper: Key of the upper end.
    """

    heading: str
    lower: str
    upper: str


@dataclass(frozen=True)
class Chart:
    """A number over the cohort, as a histogram with its median.

    Attributes:
        key: Key of its column.
        title: Heading of the chart.
        decimals: Decimals along the axis.
        limits: Ends of its axis; None takes those of the values.
        closer: Ends of its axis where all values lie between them: a closer look.
        marks: Numbers whose medians are marked too, such as those of a baseline, at most two.
    """

    key: str
    title: str
    decimals: int = 2
    limits: tuple[float, float] | None = None
    closer: tuple[float, float] | None = None
    marks: tuple[Heading, ...] = ()


@dataclass(frozen=True)
class CohortColumns:
    """What a family's cohort table holds beside id, outcome and verdict of each subject.

    Attributes:
        numbers: In the order of page and files.
        texts: Words of each subject, such as where a landmark comes from; they stand before the numbers.
        intervals: Pairs of numbers that the page shows as one.
        charts: In the order of the page.
        terminal: Numbers of the terminal, in its order: first what a subject is judged by.
        means: Keys of the numbers whose mean the summary of the cohort holds, as `mean_<key>`.
        medians: Keys of those whose median it holds, as `median_<key>`.
        note: Sentences above the page's table.
        bullseye: Key of the number of an AHA segment from 0 to 1, with `{}` for 1 to 17, drawn as a small bullseye of
            each subject and of the cohort; empty for none. The numbers are no columns of the table.
        bullseye_title: What it is.

    Raises:
        ConfigError: If two columns have one key, or something names a column that there is none of.
    """

    numbers: tuple[Column, ...] = ()
    texts: tuple[Heading, ...] = ()
    intervals: tuple[IntervalColumn, ...] = ()
    charts: tuple[Chart, ...] = ()
    terminal: tuple[Heading, ...] = ()
    means: tuple[str, ...] = ()
    medians: tuple[str, ...] = ()
    note: str = ""
    bullseye: str = ""
    bullseye_title: str = ""

    def __post_init__(self) -> None:
        keys = [*BEFORE, "reasons", *AFTER, *SIGNED]
        keys += [one.key for one in self.texts] + [one.key for one in self.numbers]
        if double := sorted({key for key in keys if keys.count(key) > 1}):
            raise ConfigError("columns", "a key for each", ", ".join(double) + " twice")
        if unknown := [key for key in self._named() if key not in self.by_key]:
            raise ConfigError("columns", "keys of numbers", ", ".join(unknown))
        if any(len(chart.marks) > 2 for chart in self.charts):
            raise ConfigError("columns", "at most two marks of a chart", "more")

    def _named(self) -> Iterable[str]:
        yield from (key for pair in self.intervals for key in (pair.lower, pair.upper))
        yield from (chart.key for chart in self.charts)
        yield from (mark.key for chart in self.charts for mark in chart.marks)
        yield from (one.key for one in self.terminal)
        yield from (*self.means, *self.medians)

    @property
    def by_key(self) -> Mapping[str, Column]:
        """The numbers by their keys."""
        return {column.key: column for column in self.numbers}
