"""What the cohort's table says of late activation. Light to import."""

from __future__ import annotations

from cardioscar.report.cohort_columns import Chart, CohortColumns, Column, Heading

COLUMNS = CohortColumns(
    numbers=(
        Column("late_percent", "Late, free of scar, % of sectors", 1),
        Column("scarred_percent", "Scarred, % of sectors", 1),
        Column("tos_ms", "Onset, mean, ms", 1),
        Column("earliest_ms", "Earliest tenth, ms", 1),
        Column("latest_ms", "Latest tenth, ms", 1),
        Column("dispersion_ms", "Onset, standard deviation, ms", 1),
        Column("half_width_ms", "Half width of the intervals, ms", 1),
        Column("peak_strain", "Peak circumferential strain", 3),
        Column("slices", "Slices", 0),
        Column("map_sd_ms", "Map, median standard deviation, ms", 1),
    ),
    texts=(Heading("latest_segment", "Latest segment"), Heading("onsets_by", "Onsets by")),
    charts=(
        Chart("late_percent", "Late, free of scar, % of sectors", 0, (0.0, 100.0)),
        Chart("dispersion_ms", "Standard deviation of the onsets, ms", 0),
        Chart("peak_strain", "Peak circumferential strain", 2),
        Chart("half_width_ms", "Half width of the intervals, ms", 0),
    ),
    terminal=(
        Heading("late_percent", "late\n%"),
        Heading("scarred_percent", "scar\n%"),
        Heading("latest_ms", "latest\nms"),
        Heading("dispersion_ms", "sd\nms"),
        Heading("peak_strain", "peak\nstrain"),
    ),
    means=("late_percent", "dispersion_ms", "peak_strain"),
    medians=("late_percent",),
    note=(
        "Late: onset of shortening 40 ms and more behind the earliest tenth, in sectors not scarred. Intervals "
        "hold 90 % of the onsets of strain phantoms; of people nothing has been measured."
    ),
)
