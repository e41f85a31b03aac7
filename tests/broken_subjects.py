"""Ways in which a subject's folder can be broken, each a function that breaks a good one."""

from __future__ import annotations

import dataclasses
import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyvista as pv

from cardioscar.imaging.formats.mesh_files import read_mesh, write_mesh
from cardioscar.imaging.formats.opencarp import write_opencarp
from cardioscar.imaging.formats.volume_files import read_volume, write_volume
from cardioscar.imaging.formats.vtk_files import write_vtk
from cardioscar.imaging.labels import Label
from cardioscar.imaging.lvmesh import LVMesh
from tests.imaging.formats.image_bytes import nifti

Break = Callable[[Path], None]


def keep(*names: str) -> Break:
    """Remove all files but these."""

    def change(folder: Path) -> None:
        for path in folder.iterdir():
            if path.name not in names:
                path.unlink()

    return change


def remove(*names: str) -> Break:
    """Remove these files."""

    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return change


def both(*changes: Break) -> Break:
    """One change after the other."""

    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


def values(name: str, edit: Callable[[np.ndarray], np.ndarray]) -> Break:
    """Edit the voxels of a NIfTI image, indexed (i, j, slice), and nothing else in the file."""

    def change(folder: Path) -> None:
        data = gzip.decompress((folder / name).read_bytes())
        shape, start = struct.unpack_from("<3h", data, 42), int(struct.unpack_from("<f", data, 108)[0])
        kind = {2: "<u1", 4: "<i2", 16: "<f4"}[struct.unpack_from("<h", data, 70)[0]]
        edited = edit(np.frombuffer(data[start:], kind).reshape(shape, order="F").copy())
        (folder / name).write_bytes(gzip.compress(data[:start] + edited.astype(kind).tobytes(order="F")))

    return change


def moved(name: str, shift_mm: tuple[float, float, float]) -> Break:
    """Move an image in the patient."""

    def change(folder: Path) -> None:
        volume = read_volume(folder / name)
        affine = volume.affine.copy()
        affine[:3, 3] += shift_mm
        write_volume(folder / name, dataclasses.replace(volume, affine=affine))

    return change


def affine(name: str, edit: Callable[[np.ndarray], None]) -> Break:
    """Edit the 3×4 affine in a NIfTI header, which no writer would do so."""

    def change(folder: Path) -> None:
        data = bytearray(gzip.decompress((folder / name).read_bytes()))
        rows = np.array(struct.unpack_from("<12f", data, 280)).reshape(3, 4)
        edit(rows)
        struct.pack_into("<12f", data, 280, *rows.ravel())
        struct.pack_into("<hh", data, 252, 0, 1)  # the sform alone
        (folder / name).write_bytes(gzip.compress(bytes(data)))

    return change


def without_sizes(rows: np.ndarray) -> None:
    """Directions alone, as some converters leave them beside a `pixdim` that is right."""
    rows[:, :3] /= np.linalg.norm(rows[:, :3], axis=0)


def text(name: str, content: str) -> Break:
    """Write a file of text."""

    def change(folder: Path) -> None:
        (folder / name).write_text(content, encoding="utf-8")

    return change


def truncated(name: str, share: float = 0.5) -> Break:
    """Cut a file off."""

    def change(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(share * len(data))])

    return change


def nodes(edit: Callable[[np.ndarray], np.ndarray]) -> Break:
    """Edit the node positions of the mesh, shape (nodes, 3)."""

    def change(folder: Path) -> None:
        grid = read_mesh(folder / "mesh.vtu").grid
        grid.points = edit(np.array(grid.points))
        write_vtk(folder / "mesh.vtu", grid)

    return change


def empty_mesh(folder: Path) -> None:
    """A mesh without nodes."""
    writer = pv.UnstructuredGrid()
    writer.save(folder / "mesh.vtu")


def surface_mesh(folder: Path) -> None:
    """The outside of the mesh alone."""
    surface = read_mesh(folder / "mesh.vtu").grid.extract_surface(algorithm=None)
    (folder / "mesh.vtu").unlink()
    surface.save(folder / "mesh.vtp")


def carp_mesh(*lost: str) -> Break:
    """The mesh in openCARP's files, some of which are lost."""

    def change(folder: Path) -> None:
        mesh = read_mesh(folder / "mesh.vtu")
        write_opencarp(folder / "mesh", mesh, np.ones(mesh.grid.n_cells, dtype=int))
        remove("mesh.vtu", *lost)(folder)

    return change


def without_wall(labels: np.ndarray) -> np.ndarray:
    """Blood pool alone."""
    return np.where(labels == Label.BLOOD_POOL, labels, 0)


def without_scar(labels: np.ndarray) -> np.ndarray:
    """Scar relabelled as myocardium."""
    return np.where(labels == Label.SCAR, Label.MYOCARDIUM, labels).astype(np.uint8)


def one_voxel(value: int) -> Callable[[np.ndarray], np.ndarray]:
    """One voxel replaced."""

    def edit(image: np.ndarray) -> np.ndarray:
        image[3, 4, 5] = value
        return image

    return edit


def not_finite(name: str, value: float) -> Break:
    """One voxel NaN or infinite, in a file of floats made byte by byte."""

    def change(folder: Path) -> None:
        volume = read_volume(folder / name)
        image = volume.values.astype(np.float32)
        image[3, 4, 5] = value
        (folder / name).write_bytes(gzip.compress(nifti(np.diag([-1.0, -1, 1, 1]) @ volume.affine, image)))

    return change


def repeated(image: np.ndarray) -> np.ndarray:
    """The fifth slice a second time, in place of the sixth."""
    image[:, :, 5] = image[:, :, 4]
    return image


def one_slice(image: np.ndarray) -> np.ndarray:
    """All but the fifth slice blank."""
    blank = np.zeros_like(image)
    blank[:, :, 4] = image[:, :, 4]
    return blank


def fewer_slices(folder: Path) -> None:
    """The scar volume without its last three slices."""
    volume = read_volume(folder / "scar.nii.gz")
    write_volume(folder / "scar.nii.gz", dataclasses.replace(volume, values=volume.values[:, :, :-3]))


def ras_mesh(folder: Path) -> None:
    """The mesh in RAS, said so."""
    mesh = read_mesh(folder / "mesh.vtu")
    grid = mesh.grid.copy()
    grid.points = np.array(grid.points) * [-1, -1, 1]
    write_mesh(folder / "mesh.vtu", LVMesh(grid))
