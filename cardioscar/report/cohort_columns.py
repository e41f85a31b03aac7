"""Numbers of a subject in a cohort's table, told once: for the page, the CSV file, the charts and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Distribution:
    """Chart of a number over the cohort.

    Attributes:
        title: Heading of the chart.
        limits: Ends of its axis; None takes those of the values.
        decimals: Decimals along the axis.
    """

    title: str
    limits: tuple[float, float] | None = None
    decimals: int = 2


@dataclass(frozen=True)
class Column:
    """One number of each subject.

    Attributes:
        key: Its name in `cohort.csv` and `cohort.json`.
        heading: Heading on the page.
        decimals: Decimals on page and terminal; the files hold full precision.
        terminal: Heading on the terminal, whose lines keep the table within 80 characters; empty: not shown there.
        chart: How it is drawn over the cohort; None: not drawn.
    """

    key: str
    heading: str
    decimals: int
    terminal: str = ""
    chart: Distribution | None = None


_DICE = (0.0, 1.0)

COLUMNS = (
    Column("scar_ml", "Scar, ml", 1, "scar\nml"),
    Column("scar_ml_lower", "Scar, ml, lower end of its interval", 1),
    Column("scar_ml_upper", "Scar, ml, upper end of its interval", 1),
    Column("scar_percent", "Scar, % of wall", 1, "% of\nwall", Distribution("Scar, % of wall", decimals=1)),
    Column("uncertain_ml", "Uncertain scar, ml", 1),
    Column("border_zone_ml", "Border zone by signal, ml", 1),
    Column("dice", "Dice", 3, "Dice", Distribution("Dice against the truth", _DICE)),
    Column("dice_baseline", "Dice, baseline", 3, "base-\nline"),
    Column("heldout_dice", "Hidden Dice", 3, "hidden\nDice", Distribution("Dice on hidden slices", _DICE)),
    Column("heldout_dice_baseline", "Hidden Dice, baseline", 3, "hidden\nbase-\nline"),
    Column(
        "left_out_dice", "Dice, each slice from the others", 3,
        chart=Distribution("Dice, each slice from the others", _DICE),
    ),
    Column("residual_rms", "Residual, rms", 3, chart=Distribution("Group residual, rms", decimals=3)),
    Column("seconds", "Fit, s", 1, chart=Distribution("Time of the fit, s", decimals=1)),
)  # fmt: skip
"""In the order of page and files."""

CHARTS = ("dice", "heldout_dice", "scar_percent", "left_out_dice", "residual_rms", "seconds")
"""Columns that are drawn, in the order of the page."""
ON_TERMINAL = (
    "dice", "dice_baseline", "heldout_dice", "heldout_dice_baseline", "scar_ml", "scar_percent",
)  # fmt: skip
"""Columns of the terminal, in its order: first what a map is judged by."""

METRICS: Mapping[str, Column] = {column.key: column for column in COLUMNS}

INTERVALS: Mapping[str, tuple[str, str]] = {"Scar interval, ml": ("scar_ml_lower", "scar_ml_upper")}
"""Title: lower end, upper end; one column of text on the page, two of numbers in the files."""
