"""The scar reconstruction as a workflow: five stages, told once."""

from __future__ import annotations

from cardioscar.services.tracking.model_kind import ModelFile, ModelKind
from cardioscar.shard.stage import COHORT, Stage
from cardioscar.stages.scar3d.columns import COLUMNS
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from cardioscar.workflow import Workflow

FIELD = ("field.safetensors", "field.json")
MAP = ("scar.vtu", "scar_probability.nii.gz", "scar.pts", "scar.elem", "scar.lon", "scar_endo.vtx", "scar_epi.vtx")

DRAWS = "scar_draws.npz"
"""Posterior draws at the nodes of the wall that was worked on, on request."""

FOUND_LABELS = "found_labels.nii.gz"
"""Labels of a subject that came without, as a network found them."""

_ROOM = "cardioscar.stages.scar3d"

SCAR_FIELD = ModelKind(
    "cardioscar-scar3d",
    model_type="scar3d-field",
    run_kind="subject",
    files=tuple(map(ModelFile, FIELD, ("field_weights", "field_description"))),
    key_metrics=("dice", "heldout_dice", "left_out_dice", "scar_ml"),
    texts=("septum",),
    opened_by="cardioscar.scar3d.field.stored_field:described",
)

RECONSTRUCT = Workflow(
    "reconstruct",
    "Reconstruct the scar of a cohort.",
    SCAR3D_LAYOUT,
    (
        Stage(
            "preprocess",
            f"{_ROOM}.preprocess",
            does="Map the pixels of each slice to the mesh nodes that they see.",
            in_short="pixels to groups of mesh nodes",
            reads=(COHORT,),
            writes="groups",
            files=(
                "groups.npz",
                "heldout.npz",
                "slices.npz",
                "view.npz",
                "view_lge.npz",
                "mesh.vtu",
                "own_mesh.vtu",
                "own_nodes.npz",
                "preprocess.json",
                FOUND_LABELS,
            ),
            published=(FOUND_LABELS,),
        ),
        Stage(
            "group_sort",
            f"{_ROOM}.group_sort",
            does="Sort the nodes of each subject by group.",
            in_short="nodes in group order, batches of whole groups",
            reads=("groups",),
            writes="sorted_groups",
            files=("sorted.npz",),
        ),
        Stage(
            "train",
            f"{_ROOM}.train",
            does="Fit each subject's scar field.",
            in_short="fit each subject's scar field",
            reads=("sorted_groups",),
            writes="fields",
            files=(*FIELD, "history.csv"),
            published=FIELD,
        ),
        Stage(
            "infer",
            f"{_ROOM}.infer",
            does="Predict scar probability and uncertainty at every node.",
            in_short="scar probability and uncertainty at every node",
            reads=("groups", "sorted_groups", "fields"),
            writes="scars",
            files=(*MAP, "intervals.json", "inference.json", "electrophysiology.json", DRAWS),
            published=(*MAP, DRAWS),
        ),
        Stage(
            "evaluate",
            f"{_ROOM}.evaluate",
            does="Score each subject, write its report, publish and record it.",
            in_short="scores, report, MLflow run and model version",
            reads=(COHORT, "groups", "sorted_groups", "fields", "scars"),
            writes="results",
            files=("metrics.json", "report.html", "figures/*.png", "figures/*.webp"),
            publishes=True,
        ),
    ),
    conclusion=f"{_ROOM}.subject_record:conclude",
    columns=COLUMNS,
    model=SCAR_FIELD,
    network="lge",
)
