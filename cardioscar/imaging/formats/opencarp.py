"""Meshes of the openCARP simulator: `.pts`, `.elem` and `.lon` text files, in micrometres.

Source: Plank G. et al., The openCARP simulation environment for cardiac electrophysiology,
Comput Methods Programs Biomed 2021;208:106223; file formats in the openCARP user manual.
"""

from __future__ import annotations

import logging
import re
import warnings
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.cell_kinds import cell_offsets
from cardioscar.imaging.lvmesh import EXTENT_MM, LVMesh

if TYPE_CHECKING:
    import pyvista as pv

log = logging.getLogger(__name__)

OPENCARP_SUFFIXES = (".pts", ".elem")
"""Either file names the pair."""

UM_PER_MM = 1000.0


class ElementTag(IntEnum):
    """Regions of a scar map as element tags."""

    HEALTHY = 1
    BORDER_ZONE = 2
    """Wall of intermediate signal in the LGE image; none where there is no image."""
    SCAR = 3
    CHANNEL = 4
    """A conducting channel: a living corridor through scar, border zone or not."""


# Element name: VTK cell type, number of nodes. Lines, triangles and quads carry boundaries and have no
# volume.
_SOLID = {"Tt": (10, 4), "Hx": (12, 8), "Pr": (13, 6), "Py": (14, 5)}
_FLAT = {"Ln": 2, "Tr": 3, "Qd": 4}
_CODES = {name: -(10**12) - n for n, name in enumerate([*_SOLID, *_FLAT])}

# openCARP runs round the upper face of a hexahedron or prism against the sense of the lower one; VTK with it.
_OPPOSITE = {"Hx": [0, 1, 2, 3, 4, 7, 6, 5], "Pr": [0, 1, 2, 3, 5, 4]}
_VOXEL_TO_HEXAHEDRON = [0, 1, 3, 2, 4, 5, 7, 6]


def read_opencarp(path: Path, *, frame: str = "LPS") -> pv.UnstructuredGrid:
    """Read an openCARP mesh.

    Coordinates are micrometres, as openCARP requires. A file whose numbers span 20 to 400 is a heart written
    in millimetres and is refused as such rather than guessed at. Hexahedra and prisms are accepted in
    openCARP's and in VTK's node order: whichever makes the shorter edges between the two faces is the one
    meant.

    Args:
        path: The `.pts` or the `.elem`; the other lies beside it. A `.lon` beside them is read too.
        frame: Frame of the coordinates, `LPS` or `RAS`.

    Returns:
        Grid in mm LPS of the elements with volume, all nodes kept, with cell data `element_tag` and, where
        there is a `.lon`, `fiber` (and `sheet`).

    Raises:
        InputError: If a file is missing, truncated, or not as the format says.
        GeometryError: If an element refers to a node that is not there, or coordinates are millimetres.
    """
    import pyvista as pv

    if frame not in ("LPS", "RAS"):
        raise InputError("frame", "LPS or RAS", repr(frame))
    turn = np.array([-1.0, -1.0, 1.0]) if frame == "RAS" else np.ones(3)
    points_mm = _read_points(path.with_suffix(".pts")) * turn
    elem = path.with_suffix(".elem")
    names, offsets, nodes, tags = _read_elements(elem)
    if nodes.size and (nodes.min() < 0 or nodes.max() >= len(points_mm)):
        bad = int(((nodes < 0) | (nodes >= len(points_mm))).sum())
        raise GeometryError(
            elem.name, f"elements on the nodes 0 to {len(points_mm) - 1}", f"{bad} references to others"
        )
    solid = np.isin(names, [_CODES[name] for name in _SOLID])
    if not solid.all():
        log.info("%s: %d of %d elements have no volume and are left out", elem.name, (~solid).sum(), len(solid))
    counts = np.diff(offsets)
    _to_vtk_order(names, offsets, nodes, points_mm)
    kept = nodes[np.repeat(solid, counts)]
    ends = np.cumsum(counts[solid])
    cells = np.insert(kept, ends - counts[solid], counts[solid])
    types = np.zeros(len(names), dtype=np.uint8)
    for name, (vtk_type, _) in _SOLID.items():
        types[names == _CODES[name]] = vtk_type
    if not solid.any():
        raise GeometryError(elem.name, "elements with volume (Tt, Hx, Pr, Py)", "none")
    grid = pv.UnstructuredGrid(cells, types[solid], points_mm)
    grid.cell_data["element_tag"] = tags[solid]
    lon = path.with_suffix(".lon")
    if lon.exists():
        directions = _read_directions(lon, len(names))[solid]
        grid.cell_data["fiber"] = directions[:, :3] * turn
        if directions.shape[1] == 6:
            grid.cell_data["sheet"] = directions[:, 3:] * turn
    return grid


def write_opencarp(path_stem: Path, mesh: LVMesh | pv.UnstructuredGrid, element_tags: np.ndarray) -> None:
    """Write `.pts`, `.elem` and, where the mesh has cell data `fiber`, `.lon`.

    Args:
        path_stem: Path without ending.
        mesh: Mesh or grid of tetrahedra, hexahedra, wedges and pyramids; millimetres become micrometres.
        element_tags: Region of each cell, shape (cells,), integers; for scar see `ElementTag`.

    Raises:
        InputError: If the tags are not one integer a cell, or a cell type is none of openCARP's.
        PlatformError: If a file cannot be written.
    """
    grid, tags = (mesh.grid if isinstance(mesh, LVMesh) else mesh), np.asarray(element_tags)
    stem = path_stem.name
    if tags.shape != (grid.n_cells,) or not np.issubdtype(tags.dtype, np.integer):
        raise InputError("element_tags", f"{grid.n_cells} integers", f"shape {tags.shape}, {tags.dtype}")
    types, offsets = np.asarray(grid.celltypes), cell_offsets(grid)
    nodes = np.array(grid.cell_connectivity, dtype=np.int64)
    for vtk_type, order in ((11, _VOXEL_TO_HEXAHEDRON),):
        _permute(nodes, offsets, types == vtk_type, order)
    types = np.where(types == 11, 12, types)
    formats = {vtk: f"{name} " + "%d " * count + "%d\n" for name, (vtk, count) in _SOLID.items()}
    unknown = sorted(set(np.unique(types).tolist()) - set(formats))
    if unknown:
        raise InputError(stem, "linear tetrahedra, hexahedra, wedges and pyramids", f"VTK cell types {unknown}")
    for name, order in _OPPOSITE.items():
        _permute(nodes, offsets, types == _SOLID[name][0], order)
    flat = np.insert(nodes, offsets[1:], tags)
    ends = offsets[1:] + np.arange(1, grid.n_cells + 1)
    with atomic_file(path_stem.with_name(f"{stem}.pts")) as partial, partial.open("w") as stream:
        stream.write(f"{grid.n_points}\n")
        nodes_um = np.asarray(grid.points, dtype=np.float64) * UM_PER_MM
        for rows in np.array_split(nodes_um, 1 + grid.n_points // 100_000):
            stream.write("%.6f %.6f %.6f\n" * len(rows) % tuple(rows.ravel().tolist()))
    with atomic_file(path_stem.with_name(f"{stem}.elem")) as partial, partial.open("w") as stream:
        stream.write(f"{grid.n_cells}\n")
        for rows in np.array_split(np.arange(grid.n_cells), 1 + grid.n_cells // 100_000):
            start, end = ends[rows[0]] - (offsets[rows[0] + 1] - offsets[rows[0]]) - 1, ends[rows[-1]]
            pattern = "".join([formats[t] for t in types[rows].tolist()])
            stream.write(pattern % tuple(flat[start:end].tolist()))
    if "fiber" in grid.cell_data:
        names = [n for n in ("fiber", "sheet") if n in grid.cell_data]
        directions = np.hstack([np.asarray(grid.cell_data[n], dtype=np.float64) for n in names])
        with atomic_file(path_stem.with_name(f"{stem}.lon")) as partial, partial.open("w") as stream:
            stream.write(f"{len(names)}\n")
            np.savetxt(stream, directions, fmt="%.6f")


def _numbers(path: Path, text: bytes, dtype: type) -> np.ndarray:
    """Parse white-space separated numbers at the speed of C."""
    with warnings.catch_warnings():
        # Text that is no number ends numpy's parser early, with a deprecation warning only.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(text, dtype=dtype, sep=" ")
        except (DeprecationWarning, ValueError):
            raise InputError(path.name, "numbers separated by blanks", "other text") from None


def _text(path: Path) -> bytes:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise InputError(path.name, "the file beside its openCARP partner", "none of that name") from None
    except OSError as error:
        raise InputError(path.name, "a readable file", error.strerror or "an unreadable one") from None
    if not text.strip():
        raise InputError(path.name, "an openCARP mesh", "an empty file")
    return text


def _count(path: Path, line: bytes) -> int:
    if not re.fullmatch(rb"\s*[0-9]{1,12}\s*", line):
        raise InputError(path.name, "a count in the first line", "other text")
    return int(line)


def _read_points(path: Path) -> np.ndarray:
    first, _, rest = _text(path).partition(b"\n")
    count, numbers = _count(path, first), _numbers(path, rest, np.float64)
    if numbers.size != 3 * count:
        raise InputError(path.name, f"{count} nodes of 3 coordinates", f"{numbers.size} numbers (truncated?)")
    points = numbers.reshape(-1, 3)
    extent = float(np.ptp(points, axis=0).max()) if count else 0.0
    if EXTENT_MM[0] <= extent <= EXTENT_MM[1]:
        raise GeometryError(path.name, "coordinates in micrometres", f"an extent of {extent:g} (millimetres?)")
    return points / UM_PER_MM


def _read_elements(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Type codes (n,), offsets (n + 1,), nodes (flat) and tags (n,) of the elements of a file."""
    first, _, rest = _text(path).partition(b"\n")
    count = _count(path, first)
    for name, code in _CODES.items():
        rest = rest.replace(name.encode(), str(code).encode())
    numbers = _numbers(path, rest, np.int64)
    starts = np.flatnonzero(numbers <= max(_CODES.values()))
    if len(starts) != count or (numbers.size and (not count or starts[0] != 0)):
        raise InputError(
            path.name, f"{count} elements of known type ({', '.join(_CODES)})", f"{len(starts)} (truncated?)"
        )
    names = numbers[starts]
    lengths = np.diff(np.append(starts, numbers.size)) - 1
    sizes = {code: _SOLID[name][1] if name in _SOLID else _FLAT[name] for name, code in _CODES.items()}
    counts = np.zeros(count, dtype=np.int64)
    for code, size in sizes.items():
        counts[names == code] = size
    tagged = lengths == counts + 1
    bad = int((~tagged & (lengths != counts)).sum())
    if bad:
        raise InputError(path.name, "elements with their nodes and a tag", f"{bad} with too few or too many numbers")
    of_solids = tagged[np.isin(names, [_CODES[name] for name in _SOLID])]
    if of_solids.any() and not of_solids.all():  # an element without a tag would be one of the bath
        raise InputError(path.name, "a tag of each element, or of none", f"{(~of_solids).sum()} without one")
    offsets = np.concatenate([[0], np.cumsum(counts)])
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    nodes = numbers[np.repeat(starts + 1, counts) + within]
    tags = np.where(tagged, numbers[np.minimum(starts + 1 + counts, numbers.size - 1)], 0)
    return names, offsets, nodes, tags


def _read_directions(path: Path, n_elements: int) -> np.ndarray:
    first, _, rest = _text(path).partition(b"\n")
    axes, numbers = _count(path, first), _numbers(path, rest, np.float64)
    if axes not in (1, 2) or numbers.size != 3 * axes * n_elements:
        raise InputError(
            path.name,
            f"1 or 2 directions for each of {n_elements} elements",
            f"{axes}, {numbers.size} numbers",
        )
    return numbers.reshape(n_elements, 3 * axes)


def _permute(nodes: np.ndarray, offsets: np.ndarray, where: np.ndarray, order: list[int]) -> None:
    rows = offsets[:-1][where][:, None] + np.arange(len(order))
    nodes[rows] = nodes[rows[:, order]]


def _to_vtk_order(names: np.ndarray, offsets: np.ndarray, nodes: np.ndarray, points_mm: np.ndarray) -> None:
    for name, order in _OPPOSITE.items():
        chosen = np.flatnonzero(names == _CODES[name])
        corners = points_mm[nodes[offsets[chosen][:, None] + np.arange(len(order))]]
        half = len(order) // 2
        straight = np.linalg.norm(corners[:, half:] - corners[:, :half], axis=2).sum(axis=1)
        turned = np.linalg.norm(corners[:, order][:, half:] - corners[:, :half], axis=2).sum(axis=1)
        is_carp = np.zeros(len(names), dtype=bool)
        is_carp[chosen[turned < straight]] = True
        _permute(nodes, offsets, is_carp, order)
