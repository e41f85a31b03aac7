"""What the cohort's table says of quantified cines. Light to import."""

from __future__ import annotations

from cardioscar.report.cohort_columns import Chart, CohortColumns, Column, Heading, IntervalColumn

_OF_STACK = (
    ("lv_ef_percent", "Ejection fraction, %", 1),
    ("lv_edv_ml", "End-diastolic volume, ml", 1),
    ("lv_esv_ml", "End-systolic volume, ml", 1),
    ("lv_sv_ml", "Stroke volume, ml", 1),
    ("lv_mass_g", "Mass, g", 1),
)
INTERVALS = tuple(name for name, _, _ in _OF_STACK)
"""Numbers of a stack, each with `…_low` and `…_high` of its 90 % interval beside it."""

COLUMNS = CohortColumns(
    numbers=(
        *(
            column
            for name, heading, decimals in _OF_STACK
            for column in (
                Column(name, heading, decimals),
                Column(f"{name}_low", f"{heading}, lower end of its 90 % interval", decimals),
                Column(f"{name}_high", f"{heading}, upper end of its 90 % interval", decimals),
            )
        ),
        Column("thickening_percent", "Wall thickening, mean of the segments, %", 0),
        Column("disagreement_areas_percent", "Areas, both ways apart, %", 1),
        Column("disagreement_thickness_mm", "Wall, both ways apart, mm", 2),
        Column("disagreement_phase_percent", "Phase, both ways apart, % of frames", 0),
        Column("cavity_dice_ed", "Cavity Dice at end-diastole", 3),
        Column("cavity_dice_es", "Cavity Dice at end-systole", 3),
        Column("ef_error_points", "EF minus that of the labels, points", 1),
        Column("slices_with_cavity", "Slices with a cavity", 0),
        Column("frames", "Frames", 0),
        Column("seconds", "Time, s", 1),
    ),
    texts=(Heading("septum", "Septum"),),
    intervals=tuple(
        IntervalColumn(f"{heading.split(',')[0]}, 90 % interval", f"{name}_low", f"{name}_high")
        for name, heading, _ in _OF_STACK
    ),
    charts=(
        Chart("lv_ef_percent", "Ejection fraction, %", 0, (0.0, 100.0)),
        Chart("lv_edv_ml", "End-diastolic volume, ml", 0),
        Chart("lv_esv_ml", "End-systolic volume, ml", 0),
        Chart("lv_mass_g", "Mass, g", 0),
        Chart("thickening_percent", "Wall thickening, %", 0),
        Chart("cavity_dice_ed", "Cavity Dice at end-diastole", 2, (0.0, 1.0), (0.5, 1.0)),
        Chart("cavity_dice_es", "Cavity Dice at end-systole", 2, (0.0, 1.0), (0.5, 1.0)),
        Chart("disagreement_areas_percent", "Areas, both ways apart, %", 1),
    ),
    terminal=(
        Heading("lv_ef_percent", "EF\n%"),
        Heading("lv_edv_ml", "EDV\nml"),
        Heading("lv_esv_ml", "ESV\nml"),
        Heading("lv_mass_g", "mass\ng"),
        Heading("cavity_dice_ed", "Dice\nED"),
    ),
    means=("lv_ef_percent", "lv_edv_ml", "lv_esv_ml", "lv_mass_g", "cavity_dice_ed", "cavity_dice_es"),
    medians=("lv_ef_percent",),
    note=(
        "Numbers are measured from the segmentation; both ways apart: mean difference to what the network regresses. "
        "Dice and errors stand where labels were given, in the slices and frames in which somebody drew."
    ),
)
