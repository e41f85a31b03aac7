"""A patient's folder: late enhancement, cine, strain and mesh, whichever are there. Light to import."""

from __future__ import annotations

from cardioscar.cohort.layout import IMAGE_SUFFIXES, MESH_SUFFIXES, CohortLayout, OneOf, Role

CINE_SUFFIXES = (".nii", ".nii.gz")
STRAIN_SUFFIXES = (".npz", ".npy", ".csv", ".mat", ".dns")

SCAR_ROLES = ("mesh", "lge", "labels", "scar", "truth")
"""What the scar map is made of, and held against."""
SHOW_SCAR = ("lge", "labels", "scar")
"""Of these there must be one."""
STRAIN_ROLES = ("strain", "displacement", "tos")
"""What strain is read from, and the onsets that a person has corrected."""

STUDY_LAYOUT = CohortLayout(
    roles=(
        Role("mesh", MESH_SUFFIXES),
        Role("lge", IMAGE_SUFFIXES, folder="series"),
        Role("labels", IMAGE_SUFFIXES),
        Role("scar", IMAGE_SUFFIXES, folder="layers"),
        Role("truth", (".vtu", ".vtk", *IMAGE_SUFFIXES)),
        Role("cine", CINE_SUFFIXES, folder="series"),
        Role("cine_labels", CINE_SUFFIXES),
        Role("strain", STRAIN_SUFFIXES, folder="files"),
        Role("displacement", (".npz",)),
        Role("tos", (".csv",)),
    ),
    needs=(
        OneOf(
            (*SHOW_SCAR, "cine", "cine_labels", "strain", "displacement"),
            "one of lge.*, labels.*, scar.*, cine.*, strain.*, displacement.npz",
        ),
    ),
    costs=(("mesh",), ("labels", "lge", "scar"), ("cine", "strain")),
    settings_class="cardioscar.stages.study.settings:StudySettings",
    no_typos=("scan", "star", "ge", "age", "line", "nine", "mine", "wine", "fine", "strains"),
)
