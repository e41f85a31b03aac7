"""A person's name in the input is in no byte of the output: only pseudonyms travel."""

from __future__ import annotations

import gzip
import io
import logging
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyvista as pv

from cardioscar.cli import main
from cardioscar.imaging.mesh_files import read_mesh
from tests.finished_run import FLAGS, Run

NAME = "JANE_DOE"


@pytest.fixture(autouse=True)
def _log_restored() -> Iterator[None]:
    logger = logging.getLogger("cardioscar")
    before = (logger.handlers[:], logger.propagate, logger.level)
    yield
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:], logger.propagate, _ = before
    logger.setLevel(before[2])


def texts(data: bytes) -> Iterator[bytes]:
    """A file's bytes, and those packed inside."""
    yield data
    if data[:2] == b"\x1f\x8b":
        yield from texts(gzip.decompress(data))
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from texts(archive.read(name))


def holds(data: bytes) -> bool:
    forms = [NAME, NAME.replace("_", " "), NAME.replace("_", "^"), "JANE"]
    return any(form.encode(code) in text for text in texts(data) for form in forms for code in ("utf-8", "utf-16-le"))


def named_nifti(path: Path) -> None:
    """Write the name into the free-text fields of a NIfTI header, and into that of the gzip wrapper."""
    data = bytearray(gzip.decompress(path.read_bytes()))
    for offset, size in ((4, 10), (14, 18), (148, 80), (228, 24), (328, 16)):  # data_type … intent_name
        data[offset : offset + size] = NAME.encode().ljust(size, b"\0")
    with path.open("wb") as stream, gzip.GzipFile(filename=f"{NAME}.nii", mode="wb", fileobj=stream) as packed:
        packed.write(bytes(data))


def named_vtk(source: Path, target: Path) -> None:
    """Write a mesh as legacy VTK with the name in its title, and as text that travels with the mesh."""
    grid = read_mesh(source).grid
    grid.field_data["PatientName"] = [NAME]
    grid.cell_data["Study"] = [NAME] * grid.n_cells
    grid.save(target, binary=False)
    lines = target.read_bytes().split(b"\n", 2)
    target.write_bytes(b"\n".join([lines[0], f"export of {NAME}".encode(), lines[2]]))
    assert holds(target.read_bytes())


@pytest.fixture
def cohort(finished: Run, tmp_path: Path) -> Path:
    """Three subjects under folders of that name: one good, one cut off, one with an id that is a name."""
    root = tmp_path / NAME / "cohort"
    rows = ["subject,mesh,lge,labels,scar,truth,settings"]
    for subject, ident in zip(("P001", "P002", "P003"), ("P001", "P002", NAME), strict=True):
        folder = root / f"{NAME} 1965" / subject
        shutil.copytree(finished.cohort / subject, folder)
        for name in ("lge", "labels", "scar"):
            named_nifti(folder / f"{name}.nii.gz")
        for name in ("mesh", "truth"):
            named_vtk(folder / f"{name}.vtu", folder / f"{name}.vtk")
        with (folder / "subject.yaml").open("a", encoding="utf-8") as stream:
            stream.write(f"# {NAME}\n")
        place = folder.relative_to(root)
        files = ("mesh.vtk", "lge.nii.gz", "labels.nii.gz", "scar.nii.gz", "truth.vtk", "subject.yaml")
        rows.append(",".join([ident, *(f"{place}/{name}" for name in files)]))
    cut = root / f"{NAME} 1965" / "P002" / "mesh.vtk"
    cut.write_bytes(cut.read_bytes()[:2_000])
    (root / "cohort.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


@pytest.mark.parametrize("figures", [False, True])
def test_no_byte_of_the_output_names_a_person(
    cohort: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], figures: bool
) -> None:
    out = tmp_path / "out"
    words = [*FLAGS[:-1], "--figures" if figures else "--no-figures", "--write-nifti", "--write-opencarp"]
    tracked = not figures
    if tracked:
        pytest.importorskip("mlflow")
    uri = f"--tracking-uri={f'sqlite:///{out}/mlflow.db' if tracked else 'off'}"
    code = main(["run", str(cohort), "-o", str(out), *words, uri, "--jobs=1", "--max-failed-fraction=0.9", "--verbose"])
    said = capfd.readouterr()
    assert code == 0, said.err
    assert "P001" in said.err
    assert not holds((said.out + said.err).encode())

    found = [path for path in out.rglob("*") if path.is_file()]
    assert [path for path in out.rglob("*") if "JANE" in path.name] == []
    assert [path for path in found if holds(path.read_bytes())] == []
    names = {path.name for path in found}
    assert names >= {"scar.vtu", "groups.npz", "scar_probability.nii.gz", "scar.pts", "run.log", "cohort.html"}
    assert ("mlflow.db" in names) == tracked
    for path in found:
        if path.suffix == ".vtu":  # its arrays are packed
            mesh = pv.read(path)
            assert list(mesh.field_data) == []
            assert "Study" not in mesh.cell_data
    # and yet the reasons are there
    table = (out / "results" / "cohort.csv").read_text(encoding="utf-8")
    assert "mesh.vtk" in table
    assert "what looks like a person's name" in table
