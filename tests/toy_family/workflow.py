"""The toy family, declared: two stages, roles of its own, a settings file of its own."""

from __future__ import annotations

from cardioscar.cohort.layout import IMAGE_SUFFIXES, CohortLayout, OneOf, Role
from cardioscar.report.cohort_columns import Chart, CohortColumns, Column, Heading
from cardioscar.services.tracking.model_kind import ModelFile, ModelKind
from cardioscar.shard.stage import COHORT, Stage
from cardioscar.workflow import Workflow

LAYOUT = CohortLayout(
    roles=(Role("cine", IMAGE_SUFFIXES, folder="series"), Role("contours", (".txt",))),
    needs=(OneOf(("cine",), "a cine.*"), OneOf(("contours",), "a contours.txt")),
    costs=(("cine",),),
    settings_class="tests.toy_family.case:Case",
    settings="case.yaml",
)

AREA = ModelKind(
    "toy-areas",
    model_type="toy-area",
    run_kind="toy-subject",
    files=(ModelFile("map.bin", "map"),),
    key_metrics=("area_mm2",),
    texts=("size",),
)

QUANTIFY = Workflow(
    "quantify",
    "Measure the beats of a cohort.",
    LAYOUT,
    (
        Stage(
            "measure", "tests.toy_family.measure", "Count.", "count", (COHORT,), "areas",
            files=("area.json", "map.bin"), published=("map.bin",),
        ),
        Stage(
            "conclude", "tests.toy_family.conclude", "Conclude.", "conclude", ("areas",), "results",
            files=("metrics.json",), publishes=True,
        ),
    ),
    conclusion="tests.toy_family.conclude:conclude",
    model=AREA,
    columns=CohortColumns(
        numbers=(Column("area_mm2", "Area, mm²", 1), Column("beats", "Beats a minute", 0)),
        texts=(Heading("size", "Size"),),
        charts=(Chart("area_mm2", "Area", limits=(0.0, 1000.0)),),
        terminal=(Heading("beats", "beats"), Heading("area_mm2", "area\nmm²")),
        means=("area_mm2",),
        medians=("area_mm2", "beats"),
        note="Areas are sums of contours.",
    ),
)  # fmt: skip
