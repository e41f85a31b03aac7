"""The cohort of the scar reconstruction: a wall, what shows scar, and truth where it is known. Light to import."""

from __future__ import annotations

from cardioscar.cohort.layout import IMAGE_SUFFIXES, MESH_SUFFIXES, CohortLayout, OneOf, Role

SCAR3D_LAYOUT = CohortLayout(
    roles=(
        Role("mesh", MESH_SUFFIXES),
        Role("lge", IMAGE_SUFFIXES, folder="series"),
        Role("labels", IMAGE_SUFFIXES),
        Role("scar", IMAGE_SUFFIXES, folder="layers"),
        Role("truth", (".vtu", ".vtk", *IMAGE_SUFFIXES)),
    ),
    needs=(
        OneOf(("lge", "labels", "scar"), "one of the files lge.*, labels.*, scar.*"),
        OneOf(("mesh", "labels", "lge"), "a mesh.*, a labels.* to build one from, or an lge.* to find them in"),
    ),
    # work grows with the nodes, and these with the mesh's file
    costs=(("mesh",), ("labels", "lge", "scar")),
    settings_class="cardioscar.scar3d.subject_settings:SubjectSettings",
    no_typos=("scan", "star", "ge", "age"),
)
