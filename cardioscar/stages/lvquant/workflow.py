"""The quantification of cines as a workflow: one stage, told once."""

from __future__ import annotations

from cardioscar.services.tracking.model_kind import ModelKind
from cardioscar.shard.stage import COHORT, Stage
from cardioscar.stages.lvquant.columns import COLUMNS
from cardioscar.stages.lvquant.layout import LVQUANT_LAYOUT
from cardioscar.workflow import Workflow

_ROOM = "cardioscar.stages.lvquant"

QUANTIFIED = ModelKind(
    "cardioscar-lvquant-subjects",
    model_type="lvquant-subject",
    run_kind="lvquant-subject",
    key_metrics=("lv_ef_percent", "lv_edv_ml"),
    texts=("septum", "network"),
)
"""A subject leaves a run; the network that all subjects share is registered where it is trained."""

QUANTIFY = Workflow(
    "quantify",
    "Quantify the left ventricle in the cines of a cohort.",
    LVQUANT_LAYOUT,
    (
        Stage(
            "quantify",
            f"{_ROOM}.quantify",
            does="Segment each cine, measure it two ways, write its report, publish and record it.",
            in_short="volumes, ejection fraction, indices and phase of cines",
            reads=(COHORT,),
            writes="results",
            files=("metrics.json", "indices.csv", "labels.nii.gz", "report.html", "figures/*.png", "figures/*.webp"),
            publishes=True,
        ),
    ),
    conclusion=f"{_ROOM}.subject_record:conclude",
    columns=COLUMNS,
    model=QUANTIFIED,
)
