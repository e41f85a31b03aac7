"""Bad input: one clear row for the subject, the others go on, nothing half is written."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cardioscar.errors import ConfigError, InputError, PlatformError
from cardioscar.shard.status import Status, read_status
from cardioscar.stages import list_subjects as listing
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d import evaluate, group_sort, infer, preprocess, train
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests import broken_subjects as broken

list_subjects = partial(listing.run, family=RECONSTRUCT)

MakeCohort = Callable[..., Path]


@dataclass(frozen=True)
class Case:
    """A way to break a subject, and the row that it must give."""

    change: broken.Break
    message: str
    kind: str = "input"
    options: dict[str, Any] = field(default_factory=dict)


def _sheared(rows: np.ndarray) -> None:
    rows[:, 0] += 0.5 * rows[:, 1]


def _flat(rows: np.ndarray) -> None:
    rows[:, 2] = 0


def _nowhere(rows: np.ndarray) -> None:
    rows[0, 3] = np.nan


def _no_number(points: np.ndarray) -> np.ndarray:
    points[7, 1] = np.nan
    return points


FILES = {
    "truncated image": Case(
        broken.truncated("scar.nii.gz"),
        "scar.nii.gz: expected a complete file, found gzip data that end early (truncated)",
    ),
    "truncated labels": Case(
        broken.truncated("labels.nii.gz", 0.9),
        "labels.nii.gz: expected a complete file, found gzip data that end early (truncated)",
    ),
    "no NIfTI": Case(
        broken.both(broken.remove("lge.nii.gz"), broken.text("lge.nii", "this is a letter " * 50)),
        "lge.nii: expected a NIfTI image, found no NIfTI header",
    ),
    "no gzip": Case(
        broken.text("scar.nii.gz", "this is a letter"),
        "scar.nii.gz: expected a NIfTI image compressed by gzip, found no gzip data",
    ),
    "empty file": Case(broken.text("labels.nii.gz", ""), "labels.nii.gz: expected an image file, found an empty file"),
    "no NRRD": Case(
        broken.both(broken.remove("lge.nii.gz"), broken.text("lge.nrrd", "NRRD?")),
        "lge.nrrd: expected an NRRD image, found no NRRD header",
    ),
    "truncated mesh": Case(
        broken.truncated("mesh.vtu"), "mesh.vtu: expected a complete .vtu file, found a truncated or damaged one"
    ),
    "two files for one role": Case(
        broken.text("labels.nrrd", "NRRD"), "P002: expected one file for 'labels', found labels.nii.gz, labels.nrrd"
    ),
    "file and folder for one role": Case(
        lambda folder: (folder / "lge").mkdir(), "P002: expected one file for 'lge', found lge.nii.gz, lge"
    ),
    "mesh of another format": Case(
        broken.both(broken.remove("mesh.vtu"), broken.text("mesh.obj", "v 0 0 0")),
        "P002: expected a mesh that ends in .vtu, .vtk, .vtp, .ply, .stl, .pts, .elem, found mesh.obj",
    ),
    "pts without elem": Case(
        broken.carp_mesh("mesh.elem"), "P002: expected mesh.elem beside mesh.pts, found no such file"
    ),
    "elem without pts": Case(
        broken.carp_mesh("mesh.pts"), "P002: expected mesh.pts beside mesh.elem, found no such file"
    ),
    "nothing at all": Case(broken.keep(), "P002: expected one of the files lge.*, labels.*, scar.*, found nothing"),
    "nothing that shows scar": Case(
        broken.keep("mesh.vtu", "truth.vtu"),
        "P002: expected one of the files lge.*, labels.*, scar.*, found mesh, truth",
    ),
    "nothing that shows the wall": Case(
        broken.keep("scar.nii.gz"),
        "P002: expected a mesh.*, a labels.* to build one from, or an lge.* to find them in, found scar",
    ),
    "empty folder of layers": Case(
        broken.both(broken.keep("mesh.vtu"), lambda folder: (folder / "scar").mkdir()),
        "scar: expected grid layers (.vtk files), found none",
    ),
    "empty folder of DICOM": Case(
        broken.both(broken.keep("mesh.vtu"), lambda folder: (folder / "lge").mkdir()),
        "lge: expected a folder of DICOM files, found no files",
    ),
    "detached voxels of an .mha elsewhere": Case(
        broken.both(broken.remove("scar.nii.gz"), broken.text("scar.mha", "elementdatafile: /proc/self/environ\n")),
        "P002: expected a path of the voxels of scar.mha in its folder, found one that leads outside",
    ),
    "a folder in the folder of DICOM": Case(
        broken.both(broken.keep("mesh.vtu"), lambda folder: (folder / "lge" / "SE001").mkdir(parents=True)),
        "lge: expected the DICOM files themselves in the folder, found 1 folder in it",
    ),
    "detached voxels elsewhere": Case(
        broken.both(broken.remove("lge.nii.gz"), broken.text("lge.nhdr", "NRRD0004\ndata file: ../P001/lge.raw\n")),
        "P002: expected a path of the voxels of lge.nhdr in its folder, found one that leads outside",
    ),
}

IMAGES = {
    "NaN in the image": Case(
        broken.not_finite("lge.nii.gz", np.nan),
        "lge.nii.gz: expected finite voxel values, found 1 NaN and 0 infinite of 28600 voxels",
    ),
    "infinity in the image": Case(
        broken.not_finite("lge.nii.gz", -np.inf),
        "lge.nii.gz: expected finite voxel values, found 0 NaN and 1 infinite of 28600 voxels",
    ),
    "NaN in the probability": Case(
        broken.not_finite("scar.nii.gz", np.nan),
        "scar.nii.gz: expected finite voxel values, found 1 NaN and 0 infinite of 28600 voxels",
    ),
    "constant image": Case(
        broken.values("lge.nii.gz", lambda v: np.full_like(v, 7)),
        "lge.nii.gz: expected an image with contrast, found the constant 7",
    ),
    "probability above 1": Case(
        broken.values("scar.nii.gz", broken.one_voxel(2)),
        "scar.nii.gz: expected probabilities from 0 to 1, found 0 to 2 (1 voxels outside)",
    ),
    "unknown label": Case(
        broken.values("labels.nii.gz", broken.one_voxel(7)),
        "labels.nii.gz: expected labels 0, 1, 2, 3 (table 'cardioscar'), found 7 (1 voxel)",
    ),
    "labels without wall": Case(
        broken.values("labels.nii.gz", broken.without_wall),
        "labels.nii.gz: expected pixels of the wall (myocardium or scar), found background, blood pool only",
    ),
    "single slice": Case(
        broken.values("labels.nii.gz", broken.one_slice),
        "scar.nii.gz: expected at least 2 slices with observed pixels, found 1 (of 10 slices)",
    ),
    "single slice, some of it hidden": Case(
        broken.values("labels.nii.gz", broken.one_slice),
        "scar.nii.gz: expected at least 2 slices with observed pixels, found 1 (of 10 slices)",
        options={"holdout": "odd"},
    ),
    "single slice to mesh": Case(
        broken.both(broken.keep("labels.nii.gz"), broken.values("labels.nii.gz", broken.one_slice)),
        "labels.nii.gz: expected at least 2 slices with observed pixels, found 1 (of 10 slices)",
    ),
    "duplicated slice of the image": Case(
        broken.values("lge.nii.gz", broken.repeated),
        "lge.nii.gz: expected slices that differ, found identical pixels in slices 4 and 5",
    ),
    "duplicated slice of the probability": Case(
        broken.values("scar.nii.gz", broken.repeated),
        "scar.nii.gz: expected slices that differ, found identical pixels in slices 4 and 5",
    ),
    "duplicated slice of the labels": Case(
        broken.both(broken.keep("labels.nii.gz", "mesh.vtu"), broken.values("labels.nii.gz", broken.repeated)),
        "labels.nii.gz: expected slices that differ, found identical pixels in slices 4 and 5",
    ),
}

GEOMETRY = {
    "sheared affine": Case(
        broken.affine("scar.nii.gz", _sheared),
        "scar.nii.gz: expected orthogonal image axes, found axes 63.4° apart",
        "geometry",
    ),
    "singular affine": Case(
        broken.affine("lge.nii.gz", _flat),
        "lge.nii.gz: expected an invertible affine, found a singular one (axis lengths [2. 2. 0.] mm)",
        "geometry",
    ),
    "affine that is no number": Case(
        broken.affine("labels.nii.gz", _nowhere),
        "labels.nii.gz: expected a finite 4×4 affine, found shape (4, 4), 1 non-finite entries",
        "geometry",
    ),
    "voxel sizes that contradict each other": Case(
        broken.affine("lge.nii.gz", broken.without_sizes),
        "lge.nii.gz: expected sform and pixdim that agree (header_trust: sform or pixdim says which one counts), "
        "found voxels of 1×1×1 mm against 2×2×9 mm",
        "geometry",
    ),
    "scar of too few slices": Case(
        broken.fewer_slices,
        "scar.nii.gz: expected the grid of labels.nii.gz, or one that keeps the volume of the wall (within 10%), found "
        "56.8 ml of 87.7 ml (52×55×7 voxels of 2×2×9 mm against 52×55×10 voxels of 2×2×9 mm); draw the labels on the "
        "image, or resample them onto it (nearest neighbour)",
        "geometry",
    ),
    "scar at another place": Case(
        broken.moved("scar.nii.gz", (0, 3, 0)),
        "scar.nii.gz: expected the grid of labels.nii.gz, or one with slices in its planes (within 1.0 mm), found 1.8 "
        "mm off (52×55×10 voxels of 2×2×9 mm against 52×55×10 voxels of 2×2×9 mm); draw the labels on the image, or "
        "resample them onto it (nearest neighbour)",
        "geometry",
    ),
    "labels of another table": Case(
        broken.values("labels.nii.gz", lambda v: np.array([0, 2, 1, 3], v.dtype)[v]),
        "labels.nii.gz: expected the blood pool inside the wall (label table 'cardioscar'), found 0% blood pool, 100% "
        "myocardium and 0% scar in the middle of the heart; 2 surrounds 1, table 'emidec' fits: --label-table emidec, "
        "or label_table: emidec in subject.yaml",
    ),
    "mesh in metres": Case(
        broken.nodes(lambda p: p / 1000),
        "mesh.vtu: expected an extent of at least 20 mm, found 0.086196 mm (coordinates in metres?)",
        "geometry",
    ),
    "mesh in micrometres": Case(
        broken.nodes(lambda p: p * 1000),
        "mesh.vtu: expected an extent of at most 400 mm, found 86196 mm (coordinates in micrometres?)",
        "geometry",
    ),
    "mesh elsewhere": Case(
        broken.nodes(lambda p: p + np.array([300, 0, 0])),
        "scar.nii.gz: expected slices that cross the mesh, found no node in a wall pixel: nearest node 229.3 mm away, "
        "centres 299 mm apart",
        "geometry",
    ),
    "mesh elsewhere, no labels": Case(
        broken.both(broken.keep("mesh.vtu", "lge.nii.gz"), broken.nodes(lambda p: p + np.array([300, 0, 0]))),
        "lge.nii.gz: expected slices that cross mesh.vtu, found no pixel inside it: the nearest node lies 184.3 mm "
        "outside the image",
        "geometry",
    ),
    "empty mesh": Case(
        broken.empty_mesh, "mesh.vtu: expected a mesh with nodes and cells, found 0 nodes, 0 cells", "geometry"
    ),
    "surface mesh": Case(
        broken.surface_mesh,
        "mesh.vtp: expected volumetric cells (fill a closed surface with `cardioscar mesh`), found a surface of 2020 "
        "cells",
        "geometry",
    ),
    "nodes that are no numbers": Case(
        broken.nodes(_no_number),
        "mesh.vtu: expected finite node coordinates, found 1 non-finite nodes of 1467",
        "geometry",
    ),
    "wall thinner than an edge": Case(
        broken.keep("labels.nii.gz"),
        "labels.nii.gz: expected a wall thicker than the edge length 40 mm, found none",
        "geometry",
        {"edge_mm": 40.0},
    ),
}

SETTINGS = {
    "unknown key": Case(
        broken.text("subject.yaml", "slice_thicknes_mm: 8\n"),
        "subject.yaml: expected one of the keys mesh_frame, wall_tags, tag_array, label_table, header_trust, "
        "slice_thickness_mm, septum_direction, apex_to_base, heart, found another as number 1 (did you mean "
        "'slice_thickness_mm'?)",
        "config",
    ),
    "no YAML": Case(
        broken.text("subject.yaml", "mesh_frame: LPS\nslice: [1\n"),
        "subject.yaml: expected YAML, found none from line 3",
    ),
    "a list": Case(broken.text("subject.yaml", "- 8\n"), "subject.yaml: expected keys and values, found a list of 1"),
    "negative thickness": Case(
        broken.text("subject.yaml", "slice_thickness_mm: -8\n"),
        "subject.yaml: slice_thickness_mm: expected a positive number, found another",
        "config",
    ),
    "thickness that is no number": Case(
        broken.text("subject.yaml", "slice_thickness_mm: .nan\n"),
        "subject.yaml: slice_thickness_mm: expected a positive number, found another",
        "config",
    ),
    "thickness in words": Case(
        broken.text("subject.yaml", "slice_thickness_mm: eight\n"),
        "subject.yaml: slice_thickness_mm: expected a value of type float, found a text of 5 characters",
        "config",
    ),
    "unknown label table": Case(
        broken.text("subject.yaml", "label_table: mine\n"),
        "subject.yaml: label_table: expected one of cardioscar, emidec, acdc, mnms, scarnet, found a text of 4 "
        "characters",
        "config",
    ),
    "unknown frame": Case(
        broken.text("subject.yaml", "mesh_frame: LPI\n"),
        "subject.yaml: mesh_frame: expected one of LPS, RAS, found a text of 3 characters",
        "config",
    ),
    "no direction": Case(
        broken.text("subject.yaml", "septum_direction: [0, 0, 0]\n"),
        "subject.yaml: septum_direction: expected a direction, found no length, or none that is finite",
        "config",
    ),
    "hidden slice without wall": Case(
        broken.keep("labels.nii.gz", "mesh.vtu"),
        "holdout: expected slices with wall (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), found 12",
        "config",
        {"holdout": "12"},
    ),
    "nearly all slices hidden": Case(
        broken.keep("labels.nii.gz", "mesh.vtu"),
        "holdout: expected at least two slices left to reconstruct from, found 1",
        "config",
        {"holdout": "0,1,2,3,4,5,6,7,8"},
    ),
    "target without its file": Case(
        broken.keep("labels.nii.gz", "mesh.vtu"),
        "lge: expected a file lge.* for target 'nsd', found labels, mesh",
        options={"target": "nsd"},
    ),
    "target layers without the folder": Case(
        broken.keep("scar.nii.gz", "mesh.vtu"),
        "scar: expected a folder scar/ of VTK grid layers for target 'layers', found mesh, scar",
        options={"target": "layers"},
    ),
}

CASES = FILES | IMAGES | GEOMETRY | SETTINGS


def assert_failed(row: Status, folder: Path, message: str, kind: str = "input") -> None:
    """One clear row, on disk too, and nothing else in the subject's folder."""
    assert row.outcome == "failed"
    assert row.error is not None
    assert (row.error.message, row.error.kind, row.error.stage) == (message, kind, "preprocess")
    assert [p.name for p in folder.iterdir()] == ["status.json"]
    assert read_status(folder) == row


def assert_nothing_half(output: Path, subjects: list[str]) -> None:
    """Subject folders alone: no scratch folders, no locks, no partial files."""
    assert sorted(p.name for p in output.iterdir()) == subjects
    assert not [p for p in output.rglob("*") if "partial" in p.name]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_broken_subject_is_one_clear_row(case: Case, make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort, output = make_cohort("P002"), tmp_path / "out"
    case.change(cohort / "P002")
    [row] = preprocess.run(cohort, ["P002"], output, case.options)
    assert_failed(row, output / "P002", case.message, case.kind)
    assert_nothing_half(output, ["P002"])
    text = (output / "P002" / "status.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert "Traceback" not in text


def test_the_others_go_on(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort, output = make_cohort("P001", "P002", "P003", "P004"), tmp_path / "out"
    for subject, name in (("P001", "truncated image"), ("P003", "mesh elsewhere")):
        CASES[name].change(cohort / subject)
    rows = preprocess.run(cohort, ["P001", "P002", "P003", "P004"], output)
    assert [row.outcome for row in rows] == ["failed", "ok", "failed", "ok"]
    assert_nothing_half(output, ["P001", "P002", "P003", "P004"])
    sorted_rows = group_sort.run(output, ["P001", "P002"], tmp_path / "sorted")
    assert [row.outcome for row in sorted_rows] == ["skipped", "ok"]
    assert sorted_rows[0].error == rows[0].error


def test_a_mended_subject_becomes_ok(make_cohort: MakeCohort, good_subject: Path, tmp_path: Path) -> None:
    cohort, output = make_cohort("P002"), tmp_path / "out"
    CASES["truncated image"].change(cohort / "P002")
    assert preprocess.run(cohort, ["P002"], output)[0].outcome == "failed"
    (cohort / "P002" / "scar.nii.gz").write_bytes((good_subject / "scar.nii.gz").read_bytes())
    assert preprocess.run(cohort, ["P002"], output)[0].outcome == "ok"


def test_a_subject_that_breaks_loses_its_old_result(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort, output = make_cohort("P002"), tmp_path / "out"
    assert preprocess.run(cohort, ["P002"], output)[0].outcome == "ok"
    CASES["unknown label"].change(cohort / "P002")
    [row] = preprocess.run(cohort, ["P002"], output)
    assert_failed(row, output / "P002", CASES["unknown label"].message)


def test_labels_without_scar_give_a_map_without_scar(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort = make_cohort("P002", files=("labels.nii.gz", "mesh.vtu", "subject.yaml"))
    broken.values("labels.nii.gz", broken.without_scar)(cohort / "P002")
    work = {stage: tmp_path / stage for stage in ("groups", "sorted", "fields", "scars", "reports")}
    rows = preprocess.run(cohort, ["P002"], work["groups"], {"holdout": "odd"})
    rows += group_sort.run(work["groups"], ["P002"], work["sorted"])
    rows += train.run(work["sorted"], ["P002"], work["fields"], {"steps": 20, "device": "cpu"})
    rows += infer.run(
        work["groups"], work["sorted"], work["fields"], ["P002"], work["scars"], {"samples": 2, "device": "cpu"}
    )
    rows += evaluate.run(
        cohort, work["groups"], work["sorted"], work["fields"], work["scars"], ["P002"], work["reports"],
        {"figures": False}, Recording(track=False),
    )  # fmt: skip
    assert [(row.stage, row.outcome, row.error) for row in rows] == [(row.stage, "ok", None) for row in rows]
    metrics = json.loads((work["reports"] / "P002" / "metrics.json").read_text())
    assert metrics["scar"]["volume_ml"] == 0
    assert metrics["heldout"]["scores"]["cardioscar"]["dice"] is None
    assert "NaN" not in json.dumps(metrics)
    assert (work["reports"] / "P002" / "report.html").stat().st_size > 1000


def manifest(folder: Path, *rows: dict[str, str]) -> None:
    """Write a `cohort.csv`."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with (folder / "cohort.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)


GOOD = {"subject": "P001", "mesh": "P001/mesh.vtu", "labels": "P001/labels.nii.gz"}


@pytest.mark.parametrize(
    ("row", "subject", "message"),
    [
        (
            {"subject": "../P002"},
            "row-3",
            "cohort.csv line 3: expected a pseudonym of 1 to 64 letters, digits, '_' or '-' that begins with a letter "
            "or digit, found a path separator",
        ),
        (
            {"subject": "P 002"},
            "row-3",
            "cohort.csv line 3: expected a pseudonym of 1 to 64 letters, digits, '_' or '-' that begins with a letter "
            "or digit, found white space",
        ),
        (
            {"subject": ""},
            "row-3",
            "cohort.csv line 3: expected a pseudonym of 1 to 64 letters, digits, '_' or '-' that begins with a letter "
            "or digit, found an empty one",
        ),
        (
            {"subject": "Smith_John"},
            "row-3",
            "cohort.csv line 3: expected a pseudonym, found what looks like a person's name",
        ),
        (
            {"labels": "P001/label.nii.gz"},
            "P002",
            "cohort.csv line 3: expected the file of 'labels', found no file of the name in its cell",
        ),
        (
            {"labels": "P001"},
            "P002",
            "cohort.csv line 3: expected the file of 'labels', found no file of the name in its cell",
        ),
        (
            {"labels": "../outside.nii.gz"},
            "P002",
            "cohort.csv line 3: expected a path of 'labels' inside the cohort's folder, found one that leads outside",
        ),
        (
            {"labels": "/etc/passwd"},
            "P002",
            "cohort.csv line 3: expected a path of 'labels' inside the cohort's folder, found one that leads outside",
        ),
        (
            {"labels": "P001/" + "x" * 300},
            "P002",
            "cohort.csv line 3: expected a path of 'labels' inside the cohort's folder, found no path",
        ),
        (
            {"labels": "", "mesh": ""},
            "P002",
            "cohort.csv line 3: expected one of the files lge.*, labels.*, scar.*, found nothing",
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else "",
)
def test_a_bad_line_of_the_manifest_is_one_clear_row(
    row: dict[str, str], subject: str, message: str, make_cohort: MakeCohort, tmp_path: Path
) -> None:
    cohort, output = make_cohort("P001"), tmp_path / "out"
    (tmp_path / "outside.nii.gz").write_bytes(b"")
    manifest(cohort, GOOD, GOOD | {"subject": "P002"} | row)
    [ids] = list_subjects(cohort, 8)
    assert ids == ["P001", subject]
    good, bad = preprocess.run(cohort, ids, output)
    assert good.outcome == "ok"
    assert_failed(bad, output / subject, message)
    assert_nothing_half(output, sorted(ids))


def test_an_id_given_twice_is_one_failed_row(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort, output = make_cohort("P001"), tmp_path / "out"
    manifest(cohort, GOOD | {"subject": "P002"}, GOOD, GOOD | {"subject": "P002"})
    [ids] = list_subjects(cohort, 8)
    assert ids == ["P002", "P001"]
    bad, good = preprocess.run(cohort, ids, output)
    assert good.outcome == "ok"
    assert_failed(bad, output / "P002", "cohort.csv: expected each id once, found 'P002' 2 times")


def test_a_line_with_too_many_cells_is_one_failed_row(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort = make_cohort("P001")
    manifest(cohort, GOOD)
    with (cohort / "cohort.csv").open("a") as stream:
        stream.write("P002,P001/mesh.vtu,P001/labels.nii.gz,P001/lge.nii.gz\n")
    good, bad = preprocess.run(cohort, ["P001", "P002"], tmp_path / "out")
    assert good.outcome == "ok"
    assert_failed(bad, tmp_path / "out" / "P002", "cohort.csv line 3: expected 3 cells, found 4")


def test_a_folder_with_a_refused_name_is_one_failed_row(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort, output = make_cohort("P001", "Smith_John"), tmp_path / "out"
    [ids] = list_subjects(cohort, 8)
    assert ids == ["P001", "row-2"]
    good, bad = preprocess.run(cohort, ids, output)
    assert good.outcome == "ok"
    assert_failed(bad, output / "row-2", "folder 2: expected a pseudonym, found what looks like a person's name")
    assert not [p for p in output.rglob("*") if "Smith" in p.name or (p.is_file() and b"Smith" in p.read_bytes())]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slice_thickness_mm": -3.0}, "slice_thickness_mm: expected a positive number, found -3"),
        ({"edge_mm": float("inf")}, "edge_mm: expected a positive number, found inf"),
        ({"merge_to_nodes": 0}, "merge_to_nodes: expected a positive number, found 0"),
        ({"holdout": "old"}, "holdout: expected none, odd, even or slice numbers like 3,5, found 'old'"),
        ({"label_table": "mine"}, "label_table: expected one of cardioscar, emidec, acdc, mnms, scarnet, found 'mine'"),
        ({"header_trust": "mine"}, "preprocess: header_trust: expected one of agree, sform, .*, found 'mine'"),
        ({"hold_out": "odd"}, "preprocess: expected one of the keys .*, found unknown key 'hold_out' .*'holdout'.*"),
        ({"edge_mm": "fine"}, "preprocess: edge_mm: expected a value of type float, found 'fine'"),
        ({"target": "guess"}, "preprocess: target: expected one of auto, probability, .*, found 'guess'"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_refused_before_any_subject(
    options: dict[str, Any], message: str, make_cohort: MakeCohort, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}$"):
        preprocess.run(make_cohort("P001"), ["P001"], tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


def test_a_bad_batch_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^batch_nodes: expected at least 1, found 0$"):
        group_sort.run(tmp_path, ["P001"], tmp_path / "out", {"batch_nodes": 0})


def test_a_cohort_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^cohort: expected a folder or a cohort.csv, found no such folder$"):
        preprocess.run(tmp_path / "nowhere", ["P001"], tmp_path / "out")


def test_a_cohort_without_subjects(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("later")
    (tmp_path / ".git").mkdir()
    with pytest.raises(InputError, match=r"^cohort: expected at least one subject folder, found none$"):
        list_subjects(tmp_path, 8)


def test_an_output_that_cannot_be_written_ends_the_stage(make_cohort: MakeCohort, tmp_path: Path) -> None:
    cohort = make_cohort("P001")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(PlatformError, match=r"^cannot write to output 'out': Not a directory") as caught:
        preprocess.run(cohort, ["P001"], tmp_path / "file" / "out")
    assert str(tmp_path) not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cohort", "file"]
