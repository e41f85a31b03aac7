from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.cohort.output_place import check_output
from cardioscar.cohort.reading import read_cohort
from cardioscar.cohort.rows import is_subject_folder
from cardioscar.errors import ConfigError, InputError
from cardioscar.scar3d.subject_settings import SubjectSettings
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT


def touch(folder: Path, *names: str) -> Path:
    """Empty files (and folders, where a name ends in /)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name.endswith("/"):
            (folder / name).mkdir()
        else:
            (folder / name).touch()
    return folder


def roles(cohort: Path) -> dict[str, dict[str, str]]:
    """File name of each role of each subject."""
    return {
        s.subject: {role: path.name for role, path in s.checked().items()} for s in read_cohort(cohort, SCAR3D_LAYOUT)
    }


def test_files_are_found_by_their_conventional_names(tmp_path: Path) -> None:
    touch(tmp_path / "P001", "mesh.vtk", "lge.nrrd", "labels.nii", "scar.mha", "truth.vtu", "subject.yaml", "notes.txt")
    touch(tmp_path / "P002", "mesh.ply", "lge/", "scar/", "truth.nii.gz")
    touch(tmp_path / "P003", "labels.nii.gz", "lge.json", "phantom.json")
    touch(tmp_path / ".cache", "labels.nii.gz")
    touch(tmp_path, "README.txt")
    assert roles(tmp_path) == {
        "P001": {
            "mesh": "mesh.vtk",
            "lge": "lge.nrrd",
            "labels": "labels.nii",
            "scar": "scar.mha",
            "truth": "truth.vtu",
            "subject.yaml": "subject.yaml",
        },
        "P002": {"mesh": "mesh.ply", "lge": "lge", "scar": "scar", "truth": "truth.nii.gz"},
        "P003": {"labels": "labels.nii.gz"},
    }


def test_files_that_belong_to_others_are_inputs_too(tmp_path: Path) -> None:
    touch(tmp_path / "P001", "mesh.pts", "mesh.elem", "mesh.lon", "lge.mhd", "lge.raw", "labels.nhdr", "voxels.gz")
    (tmp_path / "P001" / "lge.mhd").write_text("NDims = 3\nElementDataFile = lge.raw\n")
    (tmp_path / "P001" / "labels.nhdr").write_text("NRRD0004\ndata file: ./voxels.gz\n")
    assert roles(tmp_path)["P001"] == {
        "mesh": "mesh.pts",
        "mesh.elem": "mesh.elem",
        "mesh.lon": "mesh.lon",
        "lge": "lge.mhd",
        "lge.data": "lge.raw",
        "labels": "labels.nhdr",
        "labels.data": "voxels.gz",
    }


@pytest.mark.parametrize(
    "line", ["ElementDataFile = LOCAL", "ElementDataFile = LIST", "ElementDataFile = im%02d.raw 1 9"]
)
def test_headers_that_name_no_file_of_voxels_stand_alone(line: str, tmp_path: Path) -> None:
    touch(tmp_path / "P001", "labels.mhd")
    (tmp_path / "P001" / "labels.mhd").write_text(line + "\n")
    assert roles(tmp_path) == {"P001": {"labels": "labels.mhd"}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lge.mhd", "ElementDataFile = LIST\ns1.raw\ns2.raw\n"),
        ("lge.mha", "  elementdatafile: s%d.raw 1 2 1\n"),
        ("lge.nhdr", "NRRD0004\ndata file: LIST\ns1.raw\ns2.raw\n"),
        ("lge.nrrd", "NRRD0004\n" + ("#" * 80 + "\n") * 2000 + "data file:=decoy\nDataFile: s%01d.raw 1 2 1\n"),
    ],
)
def test_every_file_of_voxels_is_an_input(name: str, text: str, tmp_path: Path) -> None:
    folder = touch(tmp_path / "P001", "mesh.vtu", "s1.raw", "s2.raw", "decoy")
    (folder / name).write_text(text)
    voxels = {"lge.data.0001": "s1.raw", "lge.data.0002": "s2.raw"}
    assert roles(tmp_path) == {"P001": {"mesh": "mesh.vtu", "lge": name} | voxels}


@pytest.mark.parametrize("name", ["lge.nhdr", "lge.nrrd", "lge.mhd", "lge.mha"])
@pytest.mark.parametrize("path", ["../P002/all.raw", "/proc/self/environ", "link.raw"])
def test_voxels_of_others_are_refused(name: str, path: str, tmp_path: Path) -> None:
    touch(tmp_path / "P002", "all.raw", "labels.nii.gz")
    folder = touch(tmp_path / "P001", "mesh.vtu")
    (folder / "link.raw").symlink_to(tmp_path / "P002" / "all.raw")
    (folder / name).write_text(f"NRRD0004\ndata file: {path}\n" if "r" in name else f"ElementDataFile = {path}\n")
    [bad, good] = read_cohort(tmp_path, SCAR3D_LAYOUT)
    said = f"P001: expected a path of the voxels of {name} in its folder, found one that leads outside"
    assert (str(bad.problem), good.problem) == (said, None)


def test_a_folder_of_one_subject_is_a_cohort(tmp_path: Path) -> None:
    touch(tmp_path / "P007", "labels.nii.gz", "lge/")
    assert roles(tmp_path / "P007") == {"P007": {"labels": "labels.nii.gz", "lge": "lge"}}
    assert is_subject_folder(tmp_path / "P007", SCAR3D_LAYOUT)
    assert not is_subject_folder(tmp_path, SCAR3D_LAYOUT)


def test_a_folder_of_one_subject_with_a_flaw_is_that_subject(tmp_path: Path) -> None:
    folder = touch(tmp_path / "P007", "labels.nii.gz", "labels.nrrd", "lge/")
    [entry] = read_cohort(folder, SCAR3D_LAYOUT)
    assert str(entry.problem) == "the folder: expected one file for 'labels', found labels.nii.gz, labels.nrrd"


def test_a_subject_may_be_called_like_a_role(tmp_path: Path) -> None:
    touch(tmp_path / "scar", "labels.nii.gz")
    assert list(roles(tmp_path)) == ["scar"]


def test_the_working_directory_is_a_cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "P007", "labels.nii.gz")
    monkeypatch.chdir(tmp_path / "P007")
    assert list(roles(Path())) == ["P007"]


def test_a_manifest_gives_paths_by_role(tmp_path: Path) -> None:
    touch(tmp_path / "images", "a.nii.gz", "b.nii.gz", "a.yaml", "layers/")
    touch(tmp_path / "P009", "labels.nii.gz")
    table = "subject,labels,scar,mesh,settings\nP2,images/a.nii.gz,images/layers,,images/a.yaml\nP1,images/b.nii.gz\n"
    (tmp_path / "cohort.csv").write_text("\ufeff" + table, encoding="utf-8")
    expected = {
        "P2": {"labels": "a.nii.gz", "scar": "layers", "subject.yaml": "a.yaml"},
        "P1": {"labels": "b.nii.gz"},
    }
    assert roles(tmp_path) == expected  # P009 is not in the manifest
    assert roles(tmp_path / "cohort.csv") == expected


def test_a_manifest_of_any_name_may_be_given(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii.gz")
    (tmp_path / "mine.csv").write_text("subject,labels\nP1,a.nii.gz\n")
    assert roles(tmp_path / "mine.csv") == {"P1": {"labels": "a.nii.gz"}}


KNOWN = "columns subject, mesh, lge, labels, scar, truth, settings"


@pytest.mark.parametrize(
    ("table", "finding"),
    [
        (b"", f"{KNOWN}, found no column 'subject'"),
        (b"id,mesh\nP1,a.vtu\n", f"{KNOWN}, found another name in column 1"),
        (b"P1,a.vtu\nP2,b.vtu\n", f"{KNOWN}, found another name in column 1"),
        (b"subject,lables\n", rf"{KNOWN}, found another name in column 2 \(did you mean 'labels'\?\)"),
        (b",subject,labels\n0,P1,a.nii\n", f"{KNOWN}, found no name in column 1"),
        (b"subject,labels, Labels\nP1,a.nii,b.nii\n", "each column once, found 'labels' 2 times"),
        (b"subject|mesh\nP1|a.vtu\n", f"{KNOWN}, found another name in column 1.*"),
        (b"subject,mesh\n", "at least one subject, found none"),
        (b"subject,mesh\n,,\n# P1,a.vtu\n", "at least one subject, found none"),
        (
            "subject,mesh\nP1,a.vtu\n".encode("utf-16"),
            "a UTF-8 table of values separated by commas, semicolons or tabs, found UnicodeDecodeError",
        ),
    ],
)
def test_a_manifest_that_cannot_be_read_at_all(table: bytes, finding: str, tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_bytes(table)
    with pytest.raises(InputError, match=f"^cohort.csv: expected {finding}$"):
        read_cohort(tmp_path, SCAR3D_LAYOUT)


@pytest.mark.parametrize(
    "table",
    [
        "subject,labels\nP1,a.nii\nP2,b.nii\n",
        "\ufeffsubject,labels\r\nP1,a.nii\r\nP2,b.nii\r\n",
        "subject,labels\rP1,a.nii\rP2,b.nii\r",
        "subject,labels\nP1,a.nii\n,\nP2,b.nii\n,,,\n  , \n\n",
        "subject,labels,,\nP1,a.nii,,\nP2,b.nii,,,,\n",
        "subject;labels\nP1;a.nii\nP2;b.nii\n",
        "sep=;\r\nsubject;labels\r\nP1;a.nii\r\nP2;b.nii\r\n;\r\n",
        "subject\tlabels\nP1\ta.nii\nP2\tb.nii\n",
        " Subject , LABELS\n P1 ,  a.nii \nP2,\u00a0b.nii\n",
        '"subject", "labels"\n"P1", "a.nii"\nP2, "b.nii"\n',
        "# made by hand\nsubject,labels\n# P0,gone.nii\nP1,a.nii\nP2,b.nii\n",
        "subject;labels;scar\nP1;a.nii;\nP2;b.nii\n",
    ],
)
def test_a_manifest_is_read_as_spreadsheets_leave_it(table: str, tmp_path: Path) -> None:
    touch(tmp_path, "a.nii", "b.nii")
    (tmp_path / "cohort.csv").write_bytes(table.encode())
    assert roles(tmp_path) == {"P1": {"labels": "a.nii"}, "P2": {"labels": "b.nii"}}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("P1,a.nii,b.nii", "cohort.csv line 2: expected 2 cells, found 3"),
        ("P1,sub\\a.nii", "cohort.csv line 2: expected paths with '/' between folders, found a backslash"),
        (",a.nii", "cohort.csv line 2: expected a pseudonym .*, found an empty one"),
        ("P1;a.nii", "cohort.csv line 2: expected a pseudonym .*, found another character at position 3"),
    ],
)
def test_a_line_that_could_mean_two_things_is_a_row(line: str, problem: str, tmp_path: Path) -> None:
    touch(tmp_path, "a.nii", "b.nii")
    (tmp_path / "cohort.csv").write_text(f"subject,labels\n{line}\nP2,b.nii\n")
    first, second = read_cohort(tmp_path, SCAR3D_LAYOUT)
    with pytest.raises(InputError, match=f"^{problem}$"):
        first.checked()
    assert second.problem is None


def test_lines_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    (tmp_path / "cohort.csv").write_text('subject,labels\n\n"P1","a\nb"\nP2,c.nii\n')
    problems = [str(entry.problem) for entry in read_cohort(tmp_path, SCAR3D_LAYOUT)]
    assert problems[0].startswith("cohort.csv line 4: ")
    assert problems[1] == "cohort.csv line 5: expected the file of 'labels', found no file of the name in its cell"


def test_a_stand_in_never_takes_the_id_of_another_subject(tmp_path: Path) -> None:
    touch(tmp_path / "Jane Doe", "labels.nii.gz")
    touch(tmp_path / "row-1", "labels.nii.gz")
    entries = {entry.subject: entry.problem for entry in read_cohort(tmp_path, SCAR3D_LAYOUT)}
    assert len(entries) == 2
    assert entries["row-1"] is None
    assert entries["row-1-refused"] is not None


def test_only_the_wanted_subjects_are_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        touch(tmp_path / f"P{number}", "labels.nii.gz")
    looked: list[str] = []
    iterdir = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: looked.append(self.name) or iterdir(self))
    assert [entry.subject for entry in read_cohort(tmp_path, SCAR3D_LAYOUT, ["P3"])] == ["P3"]
    assert looked.count("P3") == 1
    assert not {"P0", "P1", "P2", "P4"} & set(looked)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads everything")
def test_a_folder_that_cannot_be_read_is_one_subject_s_problem(tmp_path: Path) -> None:
    touch(tmp_path / "P001", "labels.nii.gz")
    touch(tmp_path / "P002", "labels.nii.gz").chmod(0)
    first, second = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert first.problem is None
    assert str(second.problem) == "P002: expected a readable folder, found Permission denied"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", SubjectSettings()),
        ("# nothing yet\n", SubjectSettings()),
        ("mesh_frame: RAS\nslice_thickness_mm: 8\n", SubjectSettings(mesh_frame="RAS", slice_thickness_mm=8.0)),
        ("septum_direction: [1, 0, 0.5]\n", SubjectSettings(septum_direction=(1.0, 0.0, 0.5))),
    ],
)
def test_settings_of_a_subject(content: str, expected: SubjectSettings, tmp_path: Path) -> None:
    folder = touch(tmp_path / "P001", "labels.nii.gz")
    (folder / "subject.yaml").write_text(content)
    [entry] = read_cohort(tmp_path, SCAR3D_LAYOUT)
    assert entry.settings() == expected


def test_settings_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="slice_thickness_mm: expected a positive number, found another"):
        SubjectSettings(slice_thickness_mm=0.0)


@pytest.mark.parametrize("output", ["cohort", "cohort/out", "cohort/P001/../out"])
def test_an_output_among_the_subjects_is_refused(output: str, tmp_path: Path) -> None:
    touch(tmp_path / "cohort" / "P001", "labels.nii.gz")
    with pytest.raises(
        InputError, match="output: expected a folder outside the cohort's, found one that would be taken"
    ):
        check_output(tmp_path / "cohort", tmp_path / output, SCAR3D_LAYOUT)


def test_other_outputs_are_welcome(make_cohort: Callable[..., Path], tmp_path: Path) -> None:
    cohort = make_cohort("P001")
    check_output(cohort, tmp_path / "out", SCAR3D_LAYOUT)
    check_output(cohort / "P001", cohort / "P001" / "out", SCAR3D_LAYOUT)  # the folder of one subject
    (cohort / "cohort.csv").write_text("subject,labels\nP001,P001/labels.nii.gz\n")
    check_output(cohort, cohort / "out", SCAR3D_LAYOUT)  # a manifest names the subjects
