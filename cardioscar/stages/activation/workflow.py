"""Late activation as a workflow: two stages, told once."""

from __future__ import annotations

from cardioscar.services.tracking.model_kind import ModelKind
from cardioscar.shard.stage import COHORT, Stage
from cardioscar.stages.activation.columns import COLUMNS
from cardioscar.stages.activation.layout import ACTIVATION_LAYOUT
from cardioscar.workflow import Workflow

STRAIN, TOS, MAP = "strain.npz", "tos.csv", "activation.vtu"

_ROOM = "cardioscar.stages.activation"

DETECTED = ModelKind(
    "cardioscar-activation-subjects",
    model_type="activation-subject",
    run_kind="activation-subject",
    key_metrics=("late_percent", "dispersion_ms"),
    texts=("latest_segment", "network"),
)
"""A subject leaves a run; the networks that all subjects share are registered where they are trained."""

DETECT = Workflow(
    "detect",
    "Find late activation in the strain of a cohort.",
    ACTIVATION_LAYOUT,
    (
        Stage(
            "measure_strain",
            f"{_ROOM}.measure_strain",
            does="Bring each subject's strain, whatever it comes from, to sectors and frames.",
            in_short="strain of sectors from matrices, displacement, contours, surfaces",
            reads=(COHORT,),
            writes="strains",
            files=(STRAIN,),
            published=(STRAIN,),
        ),
        Stage(
            "detect",
            f"{_ROOM}.detect",
            does="Tell onset and class of each subject's sectors, map them, write its report, publish and record it.",
            in_short="onset and class of sectors, activation map, report",
            reads=(COHORT, "strains"),
            writes="results",
            files=(TOS, MAP, "metrics.json", "report.html", "figures/*.png"),
            publishes=True,
        ),
    ),
    conclusion=f"{_ROOM}.subject_record:conclude",
    columns=COLUMNS,
    model=DETECTED,
)
