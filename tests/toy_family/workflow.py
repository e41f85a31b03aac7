"""The toy family, declared: two stages, roles of its own, a settings file of its own."""

from __future__ import annotations

from cardioscar.cohort.layout import IMAGE_SUFFIXES, CohortLayout, OneOf, Role
from cardioscar.shard.stage import COHORT, Stage
from cardioscar.workflow import Workflow

LAYOUT = CohortLayout(
    roles=(Role("cine", IMAGE_SUFFIXES, folder="series"), Role("contours", (".txt",))),
    needs=(OneOf(("cine",), "a cine.*"), OneOf(("contours",), "a contours.txt")),
    costs=(("cine",),),
    settings_class="tests.toy_family.case:Case",
    settings="case.yaml",
)

QUANTIFY = Workflow(
    "quantify",
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
)  # fmt: skip
