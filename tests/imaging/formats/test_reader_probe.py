"""A file that crashes its reader is an error like any other, also in this very process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pyvista as pv
from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

from cardioscar.errors import InputError
from cardioscar.imaging.formats import reader_probe
from cardioscar.imaging.formats.reader_probe import check_reader_survives
from cardioscar.imaging.formats.vtk_files import read_vtk


def damaged(path: Path, *, seed: int) -> Path:
    """A binary mesh with a few bytes changed at random."""
    grid = pv.ImageData(dimensions=(5, 6, 7), spacing=(10, 10, 10)).cast_to_unstructured_grid()
    mesh = grid.extract_surface(algorithm="dataset_surface").triangulate() if path.suffix == ".ply" else grid
    mesh.save(path, binary=True)
    draw, data = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(10):
        data[draw.randrange(len(data))] = draw.randrange(256)
    path.write_bytes(bytes(data))
    return path


def test_damaged_files_are_read_or_refused_and_crash_nobody(tmp_path: Path) -> None:
    """A third of such PLY files crash VTK's reader: whichever these are, this process is alive at the end."""
    found = []
    for seed in range(20):
        try:
            read_vtk(damaged(tmp_path / "mesh.ply", seed=seed))
        except InputError as error:
            found.append(error.finding)
    assert "a damaged one, which crashes its reader" in found


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Replaces what the other process does with a file."""

    whole = reader_probe._SERVER

    def replace(body: str) -> None:
        reader_probe._stop()
        script = whole.replace("reader.Update()", body)
        assert script != whole
        monkeypatch.setattr(reader_probe, "_SERVER", script)

    yield replace
    reader_probe._stop()


@pytest.mark.parametrize("body", ["os.abort()", "os.kill(os.getpid(), signal.SIGSEGV)"])
def test_a_reader_that_crashes_is_one_line(body: str, reading: Callable[[str], None], tmp_path: Path) -> None:
    (tmp_path / "mesh.ply").write_bytes(b"ply\n")
    reading(body)
    for _ in range(2):
        with pytest.raises(InputError, match=r"mesh\.ply: expected a complete \.ply file, found a damaged one, which"):
            check_reader_survives(tmp_path / "mesh.ply", "vtkPLYReader")


def test_only_a_crash_counts(reading: Callable[[str], None], tmp_path: Path) -> None:
    (tmp_path / "mesh.ply").write_bytes(b"ply\n")
    reading("raise ValueError")
    check_reader_survives(tmp_path / "mesh.ply", "vtkPLYReader")


def test_a_reader_that_does_not_end_is_refused(
    reading: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_probe, "CPU_S", 1)
    monkeypatch.setattr(reader_probe, "WALL_PER_CPU", 3)
    (tmp_path / "mesh.ply").write_bytes(b"ply\n")
    for body in ("signal.pause()", "exec('while True: pass')"):  # asleep, and at work
        reading(body)
        with pytest.raises(InputError, match="one whose reader is not done in 1 s"):
            check_reader_survives(tmp_path / "mesh.ply", "vtkPLYReader")


def test_a_reader_that_takes_too_much_memory_is_refused(reading: Callable[[str], None], tmp_path: Path) -> None:
    (tmp_path / "mesh.ply").write_bytes(b"ply\n")
    reading("bytearray(300 * 2**20)")
    check_reader_survives(tmp_path / "mesh.ply", "vtkPLYReader")
    reading("bytearray(600 * 2**20)")
    with pytest.raises(InputError, match="one whose reader takes more than 512 MiB"):
        check_reader_survives(tmp_path / "mesh.ply", "vtkPLYReader")


CLAIM = """<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian">
<UnstructuredGrid><Piece NumberOfPoints="{}" NumberOfCells="{}"><Points>
<DataArray type="Float32" NumberOfComponents="3" format="ascii">0 0 0 50 0 0 0 50 0 0 0 50</DataArray></Points>
<Cells><DataArray type="Int64" Name="connectivity" format="ascii">0 1 2 3</DataArray>
<DataArray type="Int64" Name="offsets" format="ascii">4</DataArray>
<DataArray type="UInt8" Name="types" format="ascii">10</DataArray></Cells></Piece></UnstructuredGrid></VTKFile>"""


@pytest.mark.parametrize(("points", "cells"), [(10**8, 1), (10**12, 1), (4, 10**9), (4, 10**12)])
def test_small_files_that_claim_much_are_refused_in_little_memory(points: int, cells: int, tmp_path: Path) -> None:
    (tmp_path / "mesh.vtu").write_text(CLAIM.format(points, cells))
    with pytest.raises(
        InputError, match=r"mesh\.vtu: expected a complete \.vtu file, found a damaged one, which crashes"
    ):
        check_reader_survives(tmp_path / "mesh.vtu", "vtkXMLUnstructuredGridReader")


@pytest.mark.parametrize("damage", [b"_", b" ", b"\xbf"])
def test_values_that_a_file_lacks_are_not_those_of_the_memory(damage: bytes, tmp_path: Path) -> None:
    """VTK's decoder of base64 ends at a character that is none, says nothing and leaves the rest of the array unset."""
    grid = pv.ImageData(dimensions=(15, 16, 17), spacing=(10, 10, 10)).cast_to_unstructured_grid()
    writer = vtkXMLUnstructuredGridWriter()
    writer.SetInputData(grid)
    writer.SetDataModeToAppended()
    writer.SetEncodeAppendedData(True)
    writer.SetCompressorTypeToNone()
    writer.SetFileName(str(tmp_path / "mesh.vtu"))
    writer.Write()
    whole = (tmp_path / "mesh.vtu").read_bytes()
    assert read_vtk(tmp_path / "mesh.vtu").n_points == grid.n_points
    start = whole.index(b"<AppendedData")
    for share in (0.2, 0.5, 0.8):
        at = start + int(share * (len(whole) - start))
        (tmp_path / "mesh.vtu").write_bytes(whole[:at] + damage + whole[at + 1 :])
        with pytest.raises(InputError, match=r"^mesh\.vtu: expected "):
            read_vtk(tmp_path / "mesh.vtu")


POINT = b"""ply
format ascii 1.0
element vertex 1
property float x
property float y
property float z
end_header
0 0 0
"""


def test_what_the_reader_reports_there_is_not_read_here(tmp_path: Path) -> None:
    path = tmp_path / "mesh.ply"
    path.write_bytes(POINT.replace(b"property float z\n", b""))
    with pytest.raises(InputError, match="a complete .ply file, found a truncated or damaged one"):
        check_reader_survives(path, "vtkPLYReader")


def test_a_limit_of_this_process_is_heeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mesh.ply"
    path.write_bytes(POINT)
    assert check_reader_survives(path, "vtkPLYReader")
    monkeypatch.setattr(reader_probe, "_left_mib", lambda: 10.0)
    with pytest.raises(InputError, match="one whose reader takes [0-9]+ MiB, more than this process may have"):
        check_reader_survives(path, "vtkPLYReader")


def test_the_other_process_may_be_killed(tmp_path: Path) -> None:
    (tmp_path / "a mesh – 1.ply").write_bytes(POINT)
    check_reader_survives(tmp_path / "a mesh – 1.ply", "vtkPLYReader")
    assert reader_probe._server is not None
    os.kill(reader_probe._server[1].pid, signal.SIGKILL)
    check_reader_survives(tmp_path / "a mesh – 1.ply", "vtkPLYReader")


def test_it_ends_with_whoever_called(tmp_path: Path) -> None:
    (tmp_path / "mesh.ply").write_bytes(POINT)
    script = (
        "import os, sys; from pathlib import Path; from cardioscar.imaging.formats import reader_probe as p;"
        f"p.check_reader_survives(Path({str(tmp_path / 'mesh.ply')!r}), 'vtkPLYReader');"
        "print(p._server[1].pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{done.stdout.strip()}/cmdline").exists() and _alive(int(done.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert done.returncode == -signal.SIGKILL


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
