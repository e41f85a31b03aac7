"""What the cohort's table says of scar maps. Light to import."""

from __future__ import annotations

from cardioscar.report.cohort_columns import Chart, CohortColumns, Column, Heading, IntervalColumn

_DICE, _UPPER_HALF = (0.0, 1.0), (0.5, 1.0)


def _beside(key: str) -> tuple[Heading, ...]:
    """The interpolation to beat, which every map is held against."""
    return (Heading(f"{key}_baseline", "baseline"),)


COLUMNS = CohortColumns(
    numbers=(
        Column("scar_ml", "Scar, ml", 1),
        Column("scar_ml_lower", "Scar, ml, lower end of its interval", 1),
        Column("scar_ml_upper", "Scar, ml, upper end of its interval", 1),
        Column("scar_percent", "Scar, % of wall", 1),
        Column("uncertain_ml", "Uncertain scar, ml", 1),
        Column("border_zone_ml", "Border zone by signal, ml", 1),
        Column("dice", "Dice", 3),
        Column("dice_baseline", "Dice, baseline", 3),
        Column("dice_log_odds", "Dice, log-odds", 3),
        Column("dice_signed_distance", "Dice, signed distance", 3),
        Column("heldout_dice", "Hidden Dice", 3),
        Column("heldout_dice_baseline", "Hidden Dice, baseline", 3),
        Column("heldout_dice_log_odds", "Hidden Dice, log-odds", 3),
        Column("heldout_dice_signed_distance", "Hidden Dice, signed distance", 3),
        Column("left_out_dice", "Dice, each slice from the others", 3),
        Column("residual_rms", "Residual, rms", 3),
        Column("seconds", "Fit, s", 1),
    ),
    texts=(Heading("septum", "Septum"),),
    intervals=(IntervalColumn("Scar interval, ml", "scar_ml_lower", "scar_ml_upper"),),
    charts=(
        Chart("dice", "Dice against the truth", 2, _DICE, _UPPER_HALF, _beside("dice")),
        Chart("heldout_dice", "Dice on hidden slices", 2, _DICE, _UPPER_HALF, _beside("heldout_dice")),
        Chart("scar_percent", "Scar, % of wall", 1),
        Chart("left_out_dice", "Dice, each slice from the others", 2, _DICE, _UPPER_HALF),
        Chart("residual_rms", "Group residual, rms", 3),
        Chart("seconds", "Time of the fit, s", 1),
    ),
    terminal=(
        Heading("dice", "Dice"),
        Heading("dice_baseline", "base-\nline"),
        Heading("heldout_dice", "hidden\nDice"),
        Heading("heldout_dice_baseline", "hidden\nbase-\nline"),
        Heading("scar_ml", "scar\nml"),
        Heading("scar_percent", "% of\nwall"),
    ),
    bullseye="aha/{}_scar_fraction",
    bullseye_title="Scar, share of the segment",
    means=("dice", "heldout_dice", "scar_percent", "residual_rms"),
    note=(
        "Baseline: interpolation along the wall where pixels are labels, log-odds where they are fractions. Uncertain "
        "scar is part of the scar; the border zone comes beside it. Each slice from the others: hidden in "
        "turn and interpolated over twice the gap, so this Dice is lower than the map's own; it serves to compare "
        "subjects. Septum: on it rest the names of the segments."
    ),
)
