"""Damaged files of every form of mesh are read or refused, with nothing unforeseen in between and nobody crashed."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest
from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

from cardioscar.errors import InputError
from cardioscar.imaging.formats import reader_probe
from cardioscar.imaging.formats.mesh_files import read_surface
from cardioscar.imaging.formats.opencarp import write_opencarp
from cardioscar.imaging.wall.topology import wall_topology
from cardioscar.imaging.wall.wall_mesh import read_wall
from tests.imaging.lv_shells import ConfocalShell

NUMBERS = b"0 -1 4 255 2147483647 4294967296 1000000000000 9999999999999999999999999 nan 1e308 42".split()
FORMS = {
    "ascii.vtu": ("ascii", False, 0), "raw.vtu": ("appended", False, 0), "base64.vtu": ("appended", True, 0),
    "zlib.vtu": ("appended", False, 2), "lzma.vtu": ("binary", True, 3), "ascii.vtk": None, "binary.vtk": None,
    "a.vtp": None, "ascii.ply": None, "binary.ply": None, "ascii.stl": None, "binary.stl": None,
    "carp.pts": None, "carp.elem": None,
}  # fmt: skip
EACH = 12


def write(folder: Path, name: str) -> Path:
    grid = ConfocalShell(layers=2, rings=8, sectors=12).mesh().grid
    grid.point_data["fiber"] = np.random.default_rng(0).normal(size=(grid.n_points, 3)).astype(np.float32)
    path, form = folder / name, FORMS[name]
    if path.suffix in (".pts", ".elem"):
        write_opencarp(path.with_suffix(""), grid, np.ones(grid.n_cells, dtype=int))
    elif form:
        mode, encode, compressor = form
        writer = vtkXMLUnstructuredGridWriter()
        writer.SetInputData(grid)
        getattr(writer, f"SetDataModeTo{mode.capitalize()}")()
        writer.SetEncodeAppendedData(encode)
        writer.SetCompressorType(compressor)
        writer.SetFileName(str(path))
        writer.Write()
    elif path.suffix == ".vtk":
        grid.save(path, binary=not name.startswith("ascii"))
    else:
        surface = grid.extract_surface(algorithm="dataset_surface").triangulate()
        surface.clear_data()
        surface.save(path, binary=not name.startswith("ascii"))
    return path


def damaged(data: bytes, draw: random.Random) -> bytes:
    """Bytes changed, taken out or put in, the end cut off, or a number replaced by one that is odd there."""
    out, at = bytearray(data), draw.randrange(len(data))
    how = draw.randrange(5)
    if how == 0:
        for _ in range(draw.choice((1, 5, 20))):
            out[draw.randrange(len(out))] = draw.randrange(256)
    elif how == 1:
        del out[at:]
    elif how == 2:
        del out[at : at + draw.choice((1, 16, 500))]
    elif how == 3:
        out[at:at] = bytes(draw.randrange(256) for _ in range(draw.choice((1, 16))))
    else:
        found = draw.choice(list(re.finditer(rb"(?<![\w.])-?\d+(?![\w.])", data[:4000])) or [re.match(b"", data)])
        out[found.start() : found.end()] = draw.choice(NUMBERS)
    return bytes(out)


@pytest.mark.parametrize("name", FORMS)
def test_damaged_meshes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_probe, "CPU_S", 1)
    path = write(tmp_path, name)
    is_surface = path.suffix in (".vtp", ".ply", ".stl")
    whole, refused = path.read_bytes(), []
    assert (read_surface(path).n_cells if is_surface else read_wall(path).mesh.grid.n_cells) > 100
    for seed in range(EACH):
        path.write_bytes(damaged(whole, random.Random(f"{name}{seed}")))
        try:
            if is_surface:
                read_surface(path)
            else:
                wall_topology(read_wall(path).mesh)
        except InputError as error:
            refused.append(str(error))
    assert refused
    assert all(message.startswith(f"{path.stem}.") for message in refused)
