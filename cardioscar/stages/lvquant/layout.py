"""The cohort of the quantification: a cine, and labels where somebody drew. Light to import."""

from __future__ import annotations

from cardioscar.cohort.layout import CohortLayout, OneOf, Role

CINE_ENDINGS = (".nii", ".nii.gz")

LVQUANT_LAYOUT = CohortLayout(
    roles=(
        Role("cine", (*CINE_ENDINGS, ".mat"), folder="series"),
        Role("labels", CINE_ENDINGS),
    ),
    needs=(OneOf(("cine",), "a cine.* (4D NIfTI or .mat), or a folder cine of DICOM files"),),
    costs=(("cine",),),
    settings_class="cardioscar.lvquant.subject_settings:CineSettings",
    no_typos=("line", "nine", "mine", "wine", "fine"),
)
