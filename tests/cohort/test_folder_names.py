"""Files that are almost right are never passed over in silence; files of others are, wherever the cohort lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cardioscar.cohort.opening import open_cohort
from cardioscar.cohort.reading import read_cohort
from cardioscar.cohort.rows import is_subject_folder
from cardioscar.errors import InputError
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from tests.cohort.test_reading import touch
from tests.cohort.test_store import SCANS, brought, view
from tests.stored import bucket, put_folder, s3_endpoint

__all__ = ["bucket", "s3_endpoint"]

WHOLE = ("mesh.vtu", "lge.nii.gz", "labels.nii.gz", "scar.nii.gz", "truth.vtu", "subject.yaml")

ALMOST = {
    "Mesh.vtu": ("mesh.vtu", "the name mesh.vtu, found Mesh.vtu"),
    "mesh.VTU": ("mesh.vtu", "the name mesh.vtu, found mesh.VTU"),
    "mesh_1.vtu": ("mesh.vtu", "the name mesh.vtu, found mesh_1.vtu"),
    "mesh copy.vtu": ("mesh.vtu", "the name mesh.vtu, found mesh copy.vtu"),
    "Copy of mesh.vtu": ("mesh.vtu", "the name mesh.vtu, found Copy of mesh.vtu"),
    "mehs.vtu": ("mesh.vtu", "the name mesh.vtu, found mehs.vtu"),
    "mesh.vtu.gz": ("mesh.vtu", "the name mesh.vtu, found mesh.vtu.gz"),
    ".mesh.vtu.icloud": ("mesh.vtu", "the name mesh.vtu, found .mesh.vtu.icloud"),
    "P001_mesh.vtu": ("mesh.vtu", "the name mesh.vtu, found …_mesh.vtu"),
    "mesh": ("mesh.vtu", "a mesh that ends in .vtu, .vtk, .vtp, .ply, .stl, .pts, .elem, found mesh"),
    "mesh.obj": ("mesh.vtu", "a mesh that ends in .vtu, .vtk, .vtp, .ply, .stl, .pts, .elem, found mesh.obj"),
    "mesh.doe": ("mesh.vtu", "a mesh that ends in .vtu, .vtk, .vtp, .ply, .stl, .pts, .elem, found another ending"),
    "Scar.nii.gz": ("scar.nii.gz", "the name scar.nii.gz, found Scar.nii.gz"),
    "scar.nii.gz~": ("scar.nii.gz", "the name scar.nii.gz, found scar.nii.gz~"),
    "scar_19650314.nii.gz": ("scar.nii.gz", "the name scar.nii.gz, found scar_….nii.gz"),
    "scars/": ("scar.nii.gz", "the name scar, found a folder scars"),
    "LGE/": ("lge.nii.gz", "the name lge, found LGE"),
    "lge (1).nii.gz": ("lge.nii.gz", "the name lge.nii.gz, found lge (1).nii.gz"),
    "lge.nii (1).gz": ("lge.nii.gz", "the name lge.nii.gz, found lge.nii (1).gz"),
    "Labels.nii": ("labels.nii.gz", "the name labels.nii, found Labels.nii"),
    "labels.nii .gz": ("labels.nii.gz", "the name labels.nii.gz, found labels.nii .gz"),
    "labels.nii.gz.gz": ("labels.nii.gz", "the name labels.nii.gz, found labels.nii.gz.gz"),
    "lables.nii.gz": ("labels.nii.gz", "the name labels.nii.gz, found lables.nii.gz"),
    "label.nii.gz": ("labels.nii.gz", "the name labels.nii.gz, found label.nii.gz"),
    "labels_nii.gz": ("labels.nii.gz", "the name labels.nii.gz, found labels_nii.gz"),
    "labels/": ("labels.nii.gz", "a labels that ends in .*, found a folder labels"),
    "Truth.vtu": ("truth.vtu", "the name truth.vtu, found Truth.vtu"),
    "truht.vtu": ("truth.vtu", "the name truth.vtu, found truht.vtu"),
    "subject.yml": ("subject.yaml", "the name subject.yaml, found subject.yml"),
    "Subject.yaml": ("subject.yaml", "the name subject.yaml, found Subject.yaml"),
    "subject.json": ("subject.yaml", "the name subject.yaml, found subject.json"),
    "subject.yaml.txt": ("subject.yaml", "the name subject.yaml, found subject.yaml.txt"),
    "settings.yaml": ("subject.yaml", "the name subject.yaml, found settings.yaml"),
}
"""Name that stands for a right one, the right one, and what is said."""

OTHERS = (
    "README.md", "notes.txt", "lge.json", "labels.nii.gz.md5", "mesh.vtu.sha256", "scar.json", "mesh.txt", ".DS_Store",
    "._mesh.vtu", "Thumbs.db", "phantom.json", "cine.nii.gz", "scan.nii.gz", "t1_map.nii.gz", "mask.nii.gz", "figures/",
    "raw/", "desktop.ini", "dataset_description.json", "subject.txt", ".mesh.vtu.swp", "ge.nii.gz",
)  # fmt: skip


def make(folder: Path, *names: str) -> Path:
    touch(folder, *names)
    for name in names:
        if name.endswith("/"):
            touch(folder / name, "1.vtk")
    return folder


@pytest.mark.parametrize("name", ALMOST)
def test_a_name_that_is_almost_right_is_a_row(name: str, tmp_path: Path, bucket: S3Place) -> None:
    right, said = ALMOST[name]
    make(tmp_path / "P001", *(n for n in WHOLE if n != right), name)
    make(tmp_path / "P002", *WHOLE)
    first, second = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert second.problem is None
    with pytest.raises(InputError, match=f"^P001: expected {said.replace('(', '[(]').replace(')', '[)]')}$"):
        first.checked()
    put_folder(tmp_path, bucket / "cohort")
    assert brought(bucket / "cohort", "P001", "P002") == view([first, second])


@pytest.mark.parametrize("where", ["folder", "store"])
def test_files_of_others_are_welcome(where: str, tmp_path: Path, bucket: S3Place) -> None:
    make(tmp_path / "P001", "labels.nii.gz", *OTHERS)
    make(tmp_path, ".~lock.cohort.csv#", "participants.tsv", "cohort.html", "README", "cohort.md")
    if where == "folder":
        [entry] = read_cohort(tmp_path, SCAR3D_LAYOUT)
        assert entry.files.keys() == {"labels"}
        assert entry.remarks == ()
    else:
        put_folder(tmp_path, bucket)
        assert brought(f"s3://{bucket.bucket}", "P001") == {"P001": {"labels": "labels.nii.gz"}}


def test_another_word_beside_the_role_is_remarked_on(tmp_path: Path) -> None:
    make(tmp_path / "P001", "labels.nii.gz", "Doe_mesh.vtu", "scar_probability.nii.gz", "lge.nii.gz", "lge_2.nii.gz")
    make(tmp_path / "P002", *WHOLE, "mesh_old.vtu", "scar.nii.gz~", "wall_mesh.stl")
    first, second = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert first.files.keys() == {"labels", "lge"}
    assert first.remarks == (
        "…_mesh.vtu in the subject's folder is not read: only a file named mesh.* is",
        "lge_2.nii.gz beside lge.nii.gz is not read: only a file named lge.* is",
        "scar_….nii.gz in the subject's folder is not read: only a file named scar.* is",
    )
    assert sorted(first.beside) == ["beside.1", "beside.3", "lge_2.nii.gz"]
    assert second.remarks == ()  # what was put aside, and what says something else, while the right one is there


def test_a_name_in_other_capitals_beside_the_right_one_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "P001", "labels.nii.gz", "Labels.nii.gz")
    [entry] = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert str(entry.problem) == "P001: expected one of labels.nii.gz and Labels.nii.gz, found both"


LINKS = ("mesh.vtu", "lge.nii.gz", "labels.nii.gz", "scar.nii.gz", "truth.vtu", "subject.yaml")


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("to", ["nowhere", "a loop"])
def test_a_link_that_leads_nowhere_is_a_row(name: str, to: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "P001", *(n for n in WHOLE if n != name))
    (folder / name).symlink_to("../../.git/annex/objects/MD5E-s1--0" if to == "nowhere" else name)
    [entry] = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert str(entry.problem) == f"{name}: expected a readable file, found a link that leads nowhere"


@pytest.mark.parametrize("name", ["mesh.elem", "mesh.lon"])
def test_a_dead_link_beside_an_opencarp_mesh_is_a_row(name: str, tmp_path: Path) -> None:
    names = {"mesh.pts", "mesh.elem", "mesh.lon", "labels.nii.gz"} - {name}
    folder = make(tmp_path / "P001", *names)
    (folder / name).symlink_to("gone")
    [entry] = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert str(entry.problem) == f"{name}: expected a readable file, found a link that leads nowhere"


@pytest.mark.parametrize("role", ["lge", "scar"])
def test_dead_links_in_a_folder_of_files_are_a_row(role: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "P001", "labels.nii.gz", f"{role}/")
    (folder / role / "2.vtk").symlink_to("gone")
    (folder / role / ".hidden").symlink_to("gone")
    [entry] = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert str(entry.problem) == f"{role}: expected readable files, found a link that leads nowhere"
    (folder / role / "3.vtk").symlink_to("gone")
    [entry] = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert str(entry.problem) == f"{role}: expected readable files, found 2 links that lead nowhere"


def test_a_dead_link_to_a_folder_of_files_is_a_row(tmp_path: Path) -> None:
    (make(tmp_path / "P001", "labels.nii.gz") / "lge").symlink_to("gone")
    [entry] = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert str(entry.problem) == "lge: expected a readable folder, found a link that leads nowhere"


def test_a_dead_link_to_a_subject_is_a_row(tmp_path: Path) -> None:
    make(tmp_path / "P001", "labels.nii.gz")
    for name in ("P002", "README.md", "README", "notes.txt", ".cache"):
        (tmp_path / name).symlink_to("gone")
    (tmp_path / "dataset").symlink_to(".git/annex/objects/MD5E-s1--0")  # a file: such links are never a folder's
    entries = {entry.subject: entry.problem for entry in read_cohort(tmp_path, SCAR3D_LAYOUT)}
    assert list(entries) == ["P001", "P002"]
    assert str(entries["P002"]) == "P002: expected a readable folder, found a link that leads nowhere"


def test_a_folder_of_dead_links_alone_is_a_subject(tmp_path: Path) -> None:
    (make(tmp_path / "P001") / "labels.nii.gz").symlink_to("gone")
    assert is_subject_folder(tmp_path / "P001", SCAR3D_LAYOUT)
    [entry] = read_cohort(tmp_path / "P001", SCAR3D_LAYOUT)
    assert str(entry.problem) == "labels.nii.gz: expected a readable file, found a link that leads nowhere"


def test_a_folder_of_almost_right_names_is_a_subject(tmp_path: Path, bucket: S3Place) -> None:
    make(tmp_path / "P001", "Labels.nii.gz", "LGE/")
    [entry] = read_cohort(tmp_path / "P001", SCAR3D_LAYOUT)
    assert str(entry.problem) == "the folder: expected the name lge, found LGE"
    put_folder(tmp_path / "P001", bucket / "P001")
    assert brought(bucket / "P001", "P001") == view([entry])


def test_a_folder_or_a_pipe_in_the_place_of_a_file_is_a_row(tmp_path: Path) -> None:
    make(tmp_path / "P001", "labels.nii.gz", "mesh.vtu/")
    os.mkfifo(make(tmp_path / "P002", "labels.nii.gz") / "scar.nii.gz")
    first, second = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert str(first.problem) == "mesh.vtu: expected a readable file, found a folder"
    assert str(second.problem) == "scar.nii.gz: expected a readable file, found a pipe or a device"


@pytest.mark.parametrize("name", ["layer_2.VTK", "layer_2.vtu", "layer_2.vtk.gz"])
def test_layers_that_would_be_left_out_are_a_row(name: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "P001", "labels.nii.gz", "scar/")
    touch(folder / "scar", "1.vtk~", "notes.txt")
    assert read_cohort(tmp_path, SCAR3D_LAYOUT)[0].problem is None
    touch(folder / "scar", name)
    [entry] = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert str(entry.problem) == "scar: expected grid layers that end in .vtk, found 1 that end in another way"


@pytest.mark.parametrize("name", ["cohort.CSV", "Cohort.csv", "cohort (1).csv", "cohort.csv.txt", "cohort.xlsx"])
def test_a_manifest_of_almost_its_name_is_refused(name: str, tmp_path: Path, bucket: S3Place) -> None:
    make(tmp_path / "P001", "labels.nii.gz")
    touch(tmp_path, name)
    with pytest.raises(InputError) as caught:
        read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert str(caught.value) == f"cohort: expected the name cohort.csv of a manifest, found {name}"
    put_folder(tmp_path, bucket / "cohort")
    with pytest.raises(InputError) as again:
        open_cohort(str(bucket / "cohort"), SCAR3D_LAYOUT).listed()
    assert str(again.value) == str(caught.value)


def test_a_manifest_that_is_a_dead_link_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "P001", "labels.nii.gz")
    (tmp_path / "cohort.csv").symlink_to("gone")
    with pytest.raises(InputError, match=r"^cohort.csv: expected a readable file, found a link that leads nowhere$"):
        read_cohort(tmp_path, SCAR3D_LAYOUT)


def test_settings_for_all_subjects_at_once_are_refused(tmp_path: Path) -> None:
    make(tmp_path / "P001", "labels.nii.gz")
    touch(tmp_path, "subject.yaml")
    with pytest.raises(InputError, match=r"^cohort: expected a subject.yaml in the folder of each subject, found one"):
        read_cohort(tmp_path, SCAR3D_LAYOUT)


@pytest.mark.parametrize("where", ["folder", "store"])
def test_settings_that_a_manifest_does_not_name_are_remarked_on(where: str, tmp_path: Path, bucket: S3Place) -> None:
    make(tmp_path / "a", "labels.nii.gz", "subject.yaml")
    (tmp_path / "cohort.csv").write_text("subject,labels\nP1,a/labels.nii.gz\n")
    put_folder(tmp_path, bucket / "cohort")
    place = tmp_path if where == "folder" else str(bucket / "cohort")
    with open_cohort(place, SCAR3D_LAYOUT).files(["P1"], SCANS) as [entry]:
        assert entry.checked().keys() == {"labels"}
        assert entry.remarks == (
            "a subject.yaml beside the files is not read: cohort.csv names no settings of the subject",
        )


def test_links_of_a_manifest_that_lead_nowhere_are_rows(tmp_path: Path) -> None:
    folder = make(tmp_path / "a", "labels.nii.gz", "lge/", "mesh.pts")
    (folder / "scar.nii.gz").symlink_to("gone")
    (folder / "lge" / "2.dcm").symlink_to("gone")
    (folder / "mesh.elem").symlink_to("gone")
    rows = "P1,a/labels.nii.gz,,,a/scar.nii.gz\nP2,a/labels.nii.gz,,a/lge,\nP3,a/labels.nii.gz,a/mesh.pts,,\n"
    (tmp_path / "cohort.csv").write_text(f"subject,labels,mesh,lge,scar\n{rows}")
    assert [str(entry.problem) for entry in read_cohort(tmp_path, SCAR3D_LAYOUT)] == [
        "cohort.csv line 2: expected the file of 'scar', found a link that leads nowhere",
        "lge: expected readable files, found a link that leads nowhere",
        "mesh.elem: expected a readable file, found a link that leads nowhere",
    ]
