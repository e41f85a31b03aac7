"""One patient, one command, as a workflow: each modality by its own family, then the plan that joins them."""

from __future__ import annotations

from cardioscar.services.tracking.model_kind import ModelKind
from cardioscar.shard.stage import COHORT, Stage
from cardioscar.stages.study.columns import COLUMNS
from cardioscar.stages.study.layout import STUDY_LAYOUT
from cardioscar.workflow import Workflow

_ROOM = "cardioscar.stages.study"

MODALITY = "modality.json"
"""What became of a modality, in the artifact of its stage: see `stages.study.modality`."""

PLANNED = ModelKind(
    "cardioscar-plan",
    model_type="plan",
    run_kind="plan",
    key_metrics=("scar_ml", "lv_ef_percent", "best_score_ms"),
    texts=("modalities", "frames"),
)
"""A plan is a run without a model: the models are those of the families that it rests on."""

PLAN = Workflow(
    "plan",
    "Join late enhancement, cine and strain of each patient: scar map, LV function, activation, plan.",
    STUDY_LAYOUT,
    (
        Stage(
            "study_scar",
            f"{_ROOM}.study_scar",
            does="Reconstruct each patient's scar, where late enhancement is there.",
            in_short="scar map of a patient's study",
            reads=(COHORT,),
            writes="scar_maps",
            files=(MODALITY, "wall.vtu", "scar_draws.npz", "scar.html", "lge_labels.nii.gz", "segmentation.html"),
            published=("scar.html", "lge_labels.nii.gz", "segmentation.html"),
        ),
        Stage(
            "study_function",
            f"{_ROOM}.study_function",
            does="Quantify each patient's left ventricle, where a cine is there.",
            in_short="LV function of a patient's study",
            reads=(COHORT,),
            writes="functions",
            files=(MODALITY, "cine_labels.nii.gz", "function.html"),
            published=("cine_labels.nii.gz", "function.html"),
        ),
        Stage(
            "study_activation",
            f"{_ROOM}.study_activation",
            does="Find when each patient's wall begins to shorten, by strain or else by the contours of the cine.",
            in_short="activation of a patient's study",
            reads=(COHORT, "functions"),
            writes="activations",
            files=(MODALITY, "onsets.npz", "strain.npz", "tos.csv", "activation.html"),
            published=("tos.csv", "activation.html"),
        ),
        Stage(
            "plan",
            f"{_ROOM}.plan",
            does="Plan each patient: sites for a lead outside scar, corridors through it; publish and record.",
            in_short="sites, corridors, one page, MLflow run",
            reads=(COHORT, "scar_maps", "functions", "activations"),
            writes="results",
            files=(
                "metrics.json", "plan.json", "plan.vtu", "sites.csv", "corridors.csv", "report.html", "figures/*.png",
            ),
            publishes=True,
        ),
    ),
    conclusion=f"{_ROOM}.subject_record:conclude",
    columns=COLUMNS,
    model=PLANNED,
)  # fmt: skip
