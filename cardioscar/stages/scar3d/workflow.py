"""The scar reconstruction as a workflow: five stages, told once."""

from __future__ import annotations

from cardioscar.shard.stage import COHORT, Stage
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from cardioscar.workflow import Workflow

FIELD = ("field.safetensors", "field.json")
MAP = ("scar.vtu", "scar_probability.nii.gz", "scar.pts", "scar.elem", "scar.lon")

_ROOM = "cardioscar.stages.scar3d"

RECONSTRUCT = Workflow(
    "reconstruct",
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
            ),
            methods="The nodes of a tetrahedral mesh of the left ventricular wall were grouped by the pixel of the LGE "
            "slices whose prism holds them [@sen2025].",
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
            methods="A coordinate network with Fourier features [@tancik2020] was fitted to each subject, so that the "
            "mean over the nodes of a pixel is the pixel [@sen2025].",
        ),
        Stage(
            "infer",
            f"{_ROOM}.infer",
            does="Predict scar probability and uncertainty at every node.",
            in_short="scar probability and uncertainty at every node",
            reads=("groups", "sorted_groups", "fields"),
            writes="scars",
            files=(*MAP, "intervals.json", "inference.json", "electrophysiology.json"),
            published=MAP,
            methods="Network and log-odds interpolation were the prior mean of a Gaussian process on what the pixels "
            "leave unexplained [@rasmussen2006; @kyriakidis2004]; its draws, projected onto the pixels, gave the "
            "probability of scar and its uncertainty.",
        ),
        Stage(
            "evaluate",
            f"{_ROOM}.evaluate",
            does="Score each subject, write its report, publish and record it.",
            in_short="scores, report, MLflow run and model version",
            reads=(COHORT, "groups", "sorted_groups", "fields", "scars"),
            writes="results",
            files=("metrics.json", "report.html", "figures/*.png"),
            publishes=True,
            methods="Segments are those of the American Heart Association [@cerqueira2002].",
        ),
    ),
    conclusion=f"{_ROOM}.subject_record:conclude",
)
