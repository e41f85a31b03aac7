"""The cohort of the segmentation: late-enhancement images, and labels to compare with where there are some."""

from __future__ import annotations

from cardioscar.cohort.layout import IMAGE_SUFFIXES, CohortLayout, OneOf, Role

LGE_LAYOUT = CohortLayout(
    roles=(Role("lge", IMAGE_SUFFIXES, folder="series"), Role("labels", IMAGE_SUFFIXES)),
    needs=(OneOf(("lge",), "a file lge.*, or a folder lge of DICOM files"),),
    costs=(("lge",),),
    # one cohort serves segmentation and reconstruction, so a subject's facts are the same
    settings_class="cardioscar.scar3d.subject_settings:SubjectSettings",
    no_typos=("ge", "age"),
)
