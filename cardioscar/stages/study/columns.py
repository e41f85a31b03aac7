"""What the cohort's table says of plans. Light to import."""

from __future__ import annotations

from cardioscar.report.cohort_columns import Chart, CohortColumns, Column, Heading

COLUMNS = CohortColumns(
    numbers=(
        Column("scar_ml", "Scar, ml", 1),
        Column("scar_percent", "Scar, % of wall", 1),
        Column("lv_ef_percent", "Ejection fraction, %", 1),
        Column("lv_edv_ml", "End-diastolic volume, ml", 0),
        Column("lv_mass_g", "Mass, g", 0),
        Column("tos_range_ms", "Onset, earliest to latest tenth, ms", 0),
        Column("late_percent", "Wall late by 40 ms and more, %", 0),
        Column("best_score_ms", "Best site, score, ms", 0),
        Column("best_confidence", "Best site, confidence", 2),
        Column("best_segment", "Best site, AHA segment", 0),
        Column("sites", "Sites", 0),
        Column("corridors", "Corridors", 0),
        Column("corridors_open", "Corridors that most draws open", 0),
        Column("apart_mm", "Strain and scar map apart, mm", 1),
        Column("seconds", "Time, s", 1),
    ),
    texts=(Heading("modalities", "Used"), Heading("frames", "Frames")),
    charts=(
        Chart("scar_percent", "Scar, % of wall", 1),
        Chart("lv_ef_percent", "Ejection fraction, %", 0, (0.0, 100.0)),
        Chart("best_score_ms", "Score of the best site, ms", 0),
        Chart("apart_mm", "Strain and scar map apart, mm", 1),
    ),
    terminal=(
        Heading("scar_ml", "scar\nml"),
        Heading("lv_ef_percent", "EF\n%"),
        Heading("best_score_ms", "best\nsite\nms"),
        Heading("best_segment", "in\nseg-\nment"),
        Heading("corridors_open", "open\ncorri-\ndors"),
    ),
    means=("scar_percent", "lv_ef_percent", "best_score_ms"),
    note=(
        "Used: the modalities that the plan rests on; others were not there, or could not be used. Score: expected "
        "delay behind the earliest wall × probability of no scar."
    ),
)
