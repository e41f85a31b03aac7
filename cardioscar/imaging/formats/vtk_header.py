"""What the beginning of a VTK, PLY or STL file says: the reader it needs, how much it claims to hold, its frame."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from cardioscar.errors import InputError
from cardioscar.imaging.formats.file_head import read_head

_HEAD_BYTES = 2**20
_XML_READERS = {
    "UnstructuredGrid": "vtkXMLUnstructuredGridReader",
    "PolyData": "vtkXMLPolyDataReader",
    "StructuredGrid": "vtkXMLStructuredGridReader",
    "ImageData": "vtkXMLImageDataReader",
    "RectilinearGrid": "vtkXMLRectilinearGridReader",
}
# Parallel files (P…), collections and composite ones hold no mesh but the names of files that do.
_NAMES_FILES = re.compile(r"P[A-Z]|.*(?:Collection|MultiBlock|Hierarchical|AMR|Partitioned|MultiGroup)")
_SPACE = re.compile(rb"\bSPACE\s*=\s*([A-Za-z-]+)")
_FRAMES = {b"RAS": "RAS", b"LPS": "LPS", b"right-anterior-superior": "RAS", b"left-posterior-superior": "LPS"}
# zlib packs a thousandfold at most, so no encoding has a hundred nodes or cells (of four bytes and more) in a byte.
_MOST_PER_BYTE = 100


@dataclass(frozen=True)
class VtkHeader:
    """What a file says of itself.

    Attributes:
        reader: VTK's name of the reader of exactly this kind of file.
        frame: `LPS` or `RAS` where a `SPACE=` of the header states it (3D Slicer writes one), else None. XML files
            state it in their field data, see `stated_frame`.
    """

    reader: str
    frame: str | None


def read_vtk_header(path: Path) -> VtkHeader:
    """Look at the beginning of a file, before a library is let near it.

    Args:
        path: `.vtk` (legacy, or XML under that name), `.vtu`, `.vtp`, `.ply` or `.stl`.

    Returns:
        What it says.

    Raises:
        InputError: If the file is missing, empty or of another format, names other files, claims more nodes or cells
            than its bytes can hold, or states a frame that is neither LPS nor RAS.
    """
    suffix = path.suffix.lower()
    head = read_head(path, kind="a mesh file", size=_HEAD_BYTES)
    if suffix == ".ply":
        return VtkHeader("vtkPLYReader", _frame(head.partition(b"end_header")[0], path))
    if suffix == ".stl":
        return VtkHeader("vtkSTLReader", _frame(head[:80].partition(b"\n")[0], path))
    if suffix == ".vtk" and head.startswith(b"# vtk DataFile"):
        _check_claims(path, [int(n) for n in re.findall(rb"^(?:POINTS|CELLS|POLYGONS) +(\d{1,30})", head[:4096], re.M)])
        return VtkHeader("vtkDataSetReader", _frame(head.split(b"\n", 2)[1] if b"\n" in head else b"", path))
    start = head.lstrip()
    if suffix in (".vtk", ".vtu", ".vtp") and start.startswith(b"<") and b"VTKFile" in head:
        return VtkHeader(_xml_reader(path, start), None)
    raise InputError(path.name, f"a {suffix} file", "no VTK header")


def stated_frame(field_data: Any, path: Path) -> str | None:
    """The frame that an XML file states in its field data, as 3D Slicer does.

    Args:
        field_data: Arrays by name.
        path: File, for messages.

    Raises:
        InputError: If it is neither LPS nor RAS.
    """
    if "SPACE" not in field_data or len(field_data["SPACE"]) != 1:
        return None
    return _known(str(field_data["SPACE"][0]).encode(), path)


def _frame(text: bytes, path: Path) -> str | None:
    found = _SPACE.search(text)
    return _known(found[1], path) if found else None


def _known(text: bytes, path: Path) -> str:
    if text not in _FRAMES:
        raise InputError(path.name, "SPACE=LPS or SPACE=RAS where its header states a frame", "another one")
    return _FRAMES[text]


def _xml_reader(path: Path, start: bytes) -> str:
    """Name of the reader by the type of the root element, which is parsed: a comment could hold another."""
    kinds: list[str] = []
    claims: list[int] = []

    def element(tag: str, attributes: dict[str, str]) -> None:
        if not kinds:
            kinds.append(attributes.get("type", "") if tag == "VTKFile" else "")
        counts = (attributes.get(name, "") for name in ("NumberOfPoints", "NumberOfCells"))
        claims.extend(int(text[:30]) for text in counts if text.isdecimal())

    def declaration(*_: Any) -> None:
        raise InputError(path.name, "XML without a document type", "one that declares its own")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = element, declaration
    with contextlib.suppress(expat.ExpatError):  # data appended as they are are no XML; damage is found by VTK's parser
        parser.Parse(start, False)
    if not kinds:
        raise InputError(path.name, f"a {path.suffix.lower()} file", "no VTK header")
    if kinds[0] not in _XML_READERS:
        finding = "one that names other files" if _NAMES_FILES.match(kinds[0]) else "a VTK file of another kind"
        raise InputError(path.name, "a file that holds one mesh (UnstructuredGrid or PolyData)", finding)
    _check_claims(path, claims)
    return _XML_READERS[kinds[0]]


def _check_claims(path: Path, claims: list[int]) -> None:
    size = path.stat().st_size
    if claims and max(claims) > _MOST_PER_BYTE * size:
        raise InputError(
            path.name, f"a complete {path.suffix} file", f"{max(claims):,} nodes or cells in {size:,} bytes"
        )
