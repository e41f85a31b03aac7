"""The segmentation of late enhancement as a workflow: one stage, told once."""

from __future__ import annotations

from cardioscar.services.tracking.model_kind import ModelKind
from cardioscar.shard.stage import COHORT, Stage
from cardioscar.stages.lge.columns import COLUMNS
from cardioscar.stages.lge.layout import LGE_LAYOUT
from cardioscar.workflow import Workflow

LABELS, PROBABILITY = "labels.nii.gz", "scar_probability.nii.gz"
DICOM = ("labels.dcm", "scar_probability.dcm")

_ROOM = "cardioscar.stages.lge"

LGE_SEGMENTATION = ModelKind(
    "cardioscar-lge-segmentations",
    model_type="lge-segmentation",
    run_kind="lge-subject",
    key_metrics=("scar_ml", "dice_scar", "slices_to_look_at"),
    texts=("network",),
)

SEGMENT = Workflow(
    "segment",
    "Find wall, cavity and scar in the late-enhancement images of a cohort.",
    LGE_LAYOUT,
    (
        Stage(
            "segment",
            f"{_ROOM}.segment",
            does="Find wall, cavity and scar in each subject's late-enhancement image, publish and record them.",
            in_short="wall, cavity and scar of late-enhancement images",
            reads=(COHORT,),
            writes="segmentations",
            files=(LABELS, PROBABILITY, *DICOM, "metrics.json", "report.html", "figures/*.png"),
            publishes=True,
        ),
    ),
    conclusion=f"{_ROOM}.subject_record:conclude",
    columns=COLUMNS,
    model=LGE_SEGMENTATION,
)
