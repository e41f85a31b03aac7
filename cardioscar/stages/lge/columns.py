"""What the cohort's table says of segmentations. Light to import."""

from __future__ import annotations

from cardioscar.report.cohort_columns import Chart, CohortColumns, Column, Heading, IntervalColumn

COLUMNS = CohortColumns(
    numbers=(
        Column("scar_ml", "Scar, ml", 1),
        Column("scar_ml_low", "Scar, ml, lower end of its interval", 1),
        Column("scar_ml_high", "Scar, ml, upper end of its interval", 1),
        Column("scar_percent", "Scar, % of wall", 1),
        Column("wall_ml", "Wall, ml", 1),
        Column("cavity_ml", "Cavity, ml", 1),
        Column("fwhm_ml", "Scar by FWHM, ml", 1),
        Column("nsd_ml", "Scar by n-SD, ml", 1),
        Column("slices", "Slices with a heart", 0),
        Column("slices_to_look_at", "Slices to look at", 0),
        Column("dice_wall", "Dice of the wall", 3),
        Column("dice_cavity", "Dice of the cavity", 3),
        Column("dice_scar", "Dice of the scar", 3),
        Column("hd95_wall_mm", "HD95 of the wall, mm", 1),
        Column("reference_scar_ml", "Scar of the reference, ml", 1),
    ),
    texts=(Heading("network", "Network"),),
    intervals=(IntervalColumn("Scar interval, ml", "scar_ml_low", "scar_ml_high"),),
    charts=(
        Chart("scar_ml", "Scar, ml", 1),
        Chart("scar_percent", "Scar, % of wall", 1),
        Chart("slices_to_look_at", "Slices to look at", 0),
        Chart("dice_scar", "Dice of the scar beside the reference", 2, (0.0, 1.0), (0.5, 1.0)),
    ),
    terminal=(
        Heading("scar_ml", "scar\nml"),
        Heading("scar_percent", "% of\nwall"),
        Heading("fwhm_ml", "FWHM\nml"),
        Heading("slices_to_look_at", "slices\nto look\nat"),
        Heading("dice_scar", "Dice\nscar"),
    ),
    means=("scar_percent", "dice_scar", "dice_wall", "dice_cavity"),
    medians=("scar_ml", "dice_scar"),
    note=(
        "Scar and wall are what the network found; FWHM and n-SD are threshold rules inside the same wall. Slices to "
        "look at are those in which network, its turned views or anatomy disagree. Dice stands beside labels that came "
        "with a subject; of scar it is undefined where neither side has any."
    ),
)
