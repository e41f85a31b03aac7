"""The cohort of late activation: strain in one of its forms, a mesh and corrected onsets where there are some."""

from __future__ import annotations

from cardioscar.cohort.layout import MESH_SUFFIXES, CohortLayout, OneOf, Role

SOURCES = ("strain", "displacement", "surfaces", "labels")
"""Roles of which one gives the strain; where there are several, the first counts."""
_CINE = (".nii", ".nii.gz")

ACTIVATION_LAYOUT = CohortLayout(
    roles=(
        Role("strain", (".npz", ".npy", ".csv", ".mat", ".dns"), folder="files"),
        Role("displacement", (".npz",)),
        Role("surfaces", (), folder="files"),
        Role("labels", _CINE),
        Role("cine", _CINE, folder="series"),
        Role("mesh", MESH_SUFFIXES),
        Role("tos", (".csv",)),
    ),
    needs=(OneOf(SOURCES, "one of strain.*, displacement.npz, labels.nii.gz of a cine, a folder strain or surfaces"),),
    costs=(SOURCES,),
    settings_class="cardioscar.activation.subject_settings:ActivationSettings",
    settings="activation.yaml",
    no_typos=("line", "nine", "mine", "wine", "fine", "strains"),
)
