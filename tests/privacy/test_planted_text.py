"""Identifying text in every place that an input has for text: no byte of any output, log or record repeats it."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
import pyvista as pv
import SimpleITK
from pydicom.dataset import Dataset

from cardioscar.cli import main
from cardioscar.imaging.formats.grid_layers import write_grid_layers
from cardioscar.imaging.formats.mesh_files import read_mesh
from cardioscar.imaging.formats.opencarp import write_opencarp
from cardioscar.imaging.formats.volume_files import read_labels, read_volume
from cardioscar.imaging.slices import stack_from_volume
from cardioscar.scar3d.observation.drawn_labels import wall_mask
from cardioscar.shard.status import read_status
from tests.finished_run import FLAGS, Run
from tests.imaging.formats.image_bytes import dicom
from tests.privacy.hidden_bytes import holds

pytestmark = pytest.mark.slow

NAME = "Quixotewitz_Jane"
TEXT = "Jane Quixotewitz 1950-01-01"
MARKS = ("quixotewitz", "1950-01-01", "19500101")
"""Rare enough to be in no output by chance."""

SETTINGS = "subject.yaml"


@pytest.fixture(autouse=True)
def _own_process_state() -> Iterator[None]:
    """Put logging and the environment back."""
    logger = logging.getLogger("cardioscar")
    before, environment = (logger.handlers[:], logger.propagate, logger.level), dict(os.environ)
    yield
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:], logger.propagate, _ = before
    logger.setLevel(before[2])
    os.environ.clear()
    os.environ.update(environment)


def nifti(path: Path) -> None:
    """Free-text fields of the header, an extension of comments, and the names in the gzip wrapper."""
    data = bytearray(gzip.decompress(path.read_bytes()))
    for offset, size in (
        (4, 10),
        (14, 18),
        (148, 80),
        (228, 24),
        (328, 16),
    ):  # data_type db_name descrip aux_file intent
        data[offset : offset + size] = TEXT.encode()[:size].ljust(size, b"\0")
    start = int(np.frombuffer(data, "<f4", 1, 108)[0])
    comment = TEXT.encode().ljust(40, b"\0")
    extension = b"\1\0\0\0" + np.array([48, 6], "<i4").tobytes() + comment
    data[108:112] = np.array([start + 48], "<f4").tobytes()
    data[348:start] = extension[:4] if start == 352 else data[348:start]
    data[start:start] = extension[4:]
    with path.open("wb") as stream, gzip.GzipFile(filename=f"{NAME}.nii", mode="wb", fileobj=stream) as packed:
        packed.write(bytes(data))


def with_keys(source: Path, target: Path) -> None:
    """NRRD key/value pairs, or MetaImage keys."""
    image = SimpleITK.ReadImage(source)
    image.SetMetaData("PatientName", TEXT)
    image.SetMetaData("Comment", TEXT)
    SimpleITK.WriteImage(image, target, useCompression=True)
    if target.suffix == ".nrrd":
        head, _, voxels = target.read_bytes().partition(b"\n\n")
        target.write_bytes(head + f"\n# {TEXT}\ncontent: {TEXT}\n\n".encode() + voxels)
    source.unlink()


def vtk_mesh(source: Path, target: Path, *, binary: bool) -> None:
    """Field data, text arrays, and the names of arrays of numbers; the title of a legacy file, the comments of XML."""
    grid = read_mesh(source).grid
    grid.field_data["PatientName"] = [TEXT]
    grid.cell_data["Study"] = [TEXT] * grid.n_cells
    grid.point_data["of Jane Quixotewitz"] = np.arange(grid.n_points, dtype=float)
    grid.cell_data[NAME] = np.arange(grid.n_cells)
    grid.save(target, binary=binary)
    data = target.read_bytes()
    if target.suffix == ".vtk":
        lines = data.split(b"\n", 2)
        data = b"\n".join([lines[0], f"export of {TEXT}".encode(), lines[2]])
    else:
        data = data.replace(b"<UnstructuredGrid>", f"<!-- {TEXT} --><UnstructuredGrid>".encode(), 1)
    if target != source:
        source.unlink()
    target.write_bytes(data)


def dicom_series(source: Path, folder: Path, change: Callable[[Dataset], None]) -> None:
    """One file a slice, named after the patient."""
    volume = read_volume(source)
    folder.mkdir()
    axes = (volume.affine[:3, :2] / volume.spacing_mm[:2]).T.ravel()
    for k in range(volume.values.shape[2]):
        position = tuple(volume.index_to_mm(np.array([[0, 0, k]]))[0])
        data = dicom(
            volume.values[:, :, k], position=position, orientation=tuple(axes), pixel_mm=(2.0, 2.0), thickness_mm=8.0
        )
        path = folder / f"{NAME}_{k}.dcm"
        path.write_bytes(data)
        image = pydicom.dcmread(path)
        change(image)
        image.save_as(path)
    source.unlink()


def described(image: Dataset) -> None:
    """Text where it identifies nobody by rule, and a study that was de-identified."""
    image.SeriesDescription = image.ProtocolName = TEXT


def identified(image: Dataset) -> None:
    image.PatientName, image.PatientBirthDate = "Quixotewitz^Jane", "19500101"
    image.preamble = TEXT.encode().ljust(128, b"\0")


def as_nifti(folder: Path) -> None:
    for name in ("lge", "labels", "scar"):
        nifti(folder / f"{name}.nii.gz")
    vtk_mesh(folder / "mesh.vtu", folder / "mesh.vtk", binary=False)
    vtk_mesh(folder / "truth.vtu", folder / "truth.vtk", binary=True)


def as_nrrd(folder: Path) -> None:
    for name in ("lge", "labels", "scar"):
        with_keys(folder / f"{name}.nii.gz", folder / f"{name}.nrrd")
    for name in ("mesh", "truth"):
        vtk_mesh(folder / f"{name}.vtu", folder / f"{name}.vtu", binary=True)


def as_dicom(folder: Path) -> None:
    (folder / "scar.nii.gz").unlink()
    with_keys(folder / "labels.nii.gz", folder / "labels.mha")
    dicom_series(folder / "lge.nii.gz", folder / "lge", described)
    mesh = read_mesh(folder / "mesh.vtu")
    write_opencarp(folder / "mesh", mesh, np.ones(mesh.grid.n_cells, dtype=int))
    for name in ("mesh.vtu", "truth.vtu"):
        (folder / name).unlink()


def as_layers(folder: Path) -> None:
    labels = read_labels(folder / "labels.nii.gz")
    stack = stack_from_volume(read_volume(folder / "scar.nii.gz"), observed=wall_mask(labels), thickness_mm=8)
    for path in folder.iterdir():
        if path.name not in ("mesh.vtu", SETTINGS):
            path.unlink()
    write_grid_layers(folder / "scar", stack)
    for path in sorted((folder / "scar").iterdir()):
        lines = path.read_bytes().split(b"\n", 2)
        number = "".join(filter(str.isdecimal, path.stem))
        path.with_name(f"{NAME}_{number}.vtk").write_bytes(b"\n".join([lines[0], TEXT.encode(), lines[2]]))
        path.unlink()


def as_identified_dicom(folder: Path) -> None:
    dicom_series(folder / "lge.nii.gz", folder / "lge", identified)


def surface(folder: Path, name: str) -> Path:
    read_mesh(folder / "mesh.vtu").grid.extract_surface(algorithm="dataset_surface").triangulate().save(folder / name)
    (folder / "mesh.vtu").unlink()
    return folder / name


def as_ply(folder: Path) -> None:
    path = surface(folder, "mesh.ply")
    path.write_bytes(path.read_bytes().replace(b"\n", f"\ncomment {TEXT}\nobj_info {TEXT}\n".encode(), 1))


def as_stl(folder: Path) -> None:
    path = surface(folder, "mesh.stl")
    path.write_bytes(TEXT.encode().ljust(80, b" ") + path.read_bytes()[80:])


def as_opencarp_with_comments(folder: Path) -> None:
    as_dicom(folder)
    points = folder / "mesh.pts"
    points.write_bytes(f"# {TEXT}\n".encode() + points.read_bytes())


def as_cut(folder: Path) -> None:
    as_nifti(folder)
    path = folder / "lge.nii.gz"
    path.write_bytes(path.read_bytes()[:200])
    (folder / "scar.nii.gz").unlink()


def as_settings(folder: Path) -> None:
    (folder / SETTINGS).write_text(f"{NAME}: 1\n", encoding="utf-8")


FORMS: dict[str, tuple[Callable[[Path], None], str | None]] = {
    "P001": (as_nifti, None),
    "P002": (as_nrrd, None),
    "P003": (as_dicom, None),
    "P004": (as_layers, None),
    "P005": (as_identified_dicom, "PatientBirthDate, PatientName"),
    "P006": (as_ply, "mesh.ply"),
    "P007": (as_stl, "mesh.stl"),
    "P008": (as_opencarp_with_comments, "mesh.pts"),
    "P009": (as_cut, "lge.nii.gz"),
    "P010": (as_settings, SETTINGS),
}
"""How each subject is made, and what the reason of one that must fail names."""


@pytest.fixture
def cohort(finished: Run, tmp_path: Path) -> Path:
    """All forms of input under folders and file names of that name, in a manifest with one id that is the name."""
    root = tmp_path / NAME / TEXT
    roles = ("mesh", "lge", "labels", "scar", "truth", "settings")
    rows = [",".join(("subject", *roles))]
    for subject, (change, _) in FORMS.items():
        folder = root / f"{subject} of {TEXT}"
        shutil.copytree(finished.cohort / "P001", folder, ignore=shutil.ignore_patterns("phantom.json"))
        with (folder / SETTINGS).open("a", encoding="utf-8") as stream:
            stream.write(f"# {TEXT}\n")
        change(folder)
        cells = []
        for role in roles:
            found = [p for p in folder.iterdir() if p.name.split(".")[0] == role.replace("settings", "subject")]
            path = next((p for p in found if p.suffix not in (".elem", ".lon")), None)
            if path and path.suffix not in (".pts", ".yaml") and subject != "P001":
                path = path.rename(path.with_name(f"{NAME} {path.name}"))
            cells.append(path.relative_to(root).as_posix() if path else "")
        rows.append(",".join([subject, *cells]))
    rows.append(",".join([NAME, *rows[1].split(",")[1:]]))
    rows.append(f"P011,{NAME}.vtu,,,,,")
    (root / "cohort.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


@pytest.fixture
def planted_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("USER", "LOGNAME", "USERNAME", "HOSTNAME", "LNAME", "GIT_AUTHOR_NAME", "EMAIL", "CARDIOSCAR_RUN_ID"):
        monkeypatch.setenv(name, NAME if name != "CARDIOSCAR_RUN_ID" else TEXT)
    home = tmp_path / f"home {NAME}"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.usefixtures("planted_environment")
def test_no_byte_of_any_output_repeats_what_an_input_says_of_a_person(
    cohort: Path, log_format: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    for folder in (path for path in cohort.iterdir() if path.is_dir()):
        planted = [path.name for path in folder.rglob("*") if path.is_file() and holds(path.read_bytes(), MARKS)]
        assert len(planted) > (0 if folder.name.startswith("P010") else 1), folder.name
    monkeypatch.setenv("CARDIOSCAR_LOG_FORMAT", log_format)
    out = tmp_path / "out"
    figures = "--figures" if log_format == "text" else "--no-figures"
    code = main(
        ["run", str(cohort), "-o", str(out), *FLAGS[:-1], figures, "--write-nifti", "--write-opencarp", "--jobs=1",
         f"--tracking-uri=sqlite:///{out}/mlflow.db", "--experiment=trial", "--max-failed-fraction=0.9", "--verbose"]
    )  # fmt: skip
    said = capfd.readouterr()
    assert code == 0, said.err
    assert [line for line in (said.out + said.err).splitlines() if holds(line.encode(), MARKS)] == []

    for subject, (_, reason) in FORMS.items():
        row = read_status(out / "results" / subject)
        assert row is not None
        if reason is None:
            assert row.outcome == "ok", (subject, row.error)
        else:
            assert row.error is not None, subject
            assert reason in row.error.message, (subject, row.error)
    table = (out / "results" / "cohort.csv").read_text(encoding="utf-8")
    assert "what looks like a person's name" in table

    found = [path for path in out.rglob("*") if path.is_file()]
    assert {path.name for path in found} >= {
        "scar.vtu", "groups.npz", "scar_probability.nii.gz", "scar.pts", "run.log", "cohort.html", "mlflow.db",
    }  # fmt: skip
    named = [path.relative_to(out).as_posix() for path in out.rglob("*") if holds(path.name.encode(), MARKS)]
    assert named == []
    leaks = {p.relative_to(out).as_posix(): marks for p in found if (marks := holds(p.read_bytes(), MARKS))}
    assert leaks == {}
    for path in out.rglob("*.vtu"):
        mesh = pv.read(path)
        assert set(mesh.field_data.keys()) <= {"length_unit_m", "cardioscar_version", "subject_utf8"}
        assert not holds(bytes(bytearray(mesh.field_data.get("subject_utf8", []))), MARKS)
        assert not holds(" ".join([*mesh.point_data, *mesh.cell_data]).encode(), MARKS)
