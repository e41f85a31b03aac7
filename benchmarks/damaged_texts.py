"""What the readers of settings, manifests and meshes make of damaged files.

    python benchmarks/damaged_texts.py [--files 2000] [--forms subject.yaml,binary.ply] [--seed 0] [--write]

As `damaged_images.py`: every file is a small whole one with one thing done to it, and another process reads it, with
limits of time and memory. A text of others stands in each file where the format has room for one; a message that
repeats it is counted.
"""

from __future__ import annotations

import argparse
import logging
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyvista as pv
from measured import conditions, table, write_page

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "benchmarks" / "damaged-texts.md"
OUTCOMES = ("refused", "equal", "different", "crashed", "too long", "unforeseen", "repeated")
LIMIT_S, LIMIT_MIB = 60, 3000
PLANTED = "quixotewitz"

SETTINGS = f"""# of {PLANTED}
slice_thickness_mm: 8
mesh_frame: RAS
wall_tags: [1, 2]
tag_array: "{PLANTED}"
septum_direction: [-0.8, -0.6, 0.1]
apex_to_base:
- 0
- 0
- 1
heart: adult
"""
MANIFEST = f"""# of {PLANTED}
subject,labels,mesh,settings
P001,{PLANTED}.nii.gz,a.vtu,
P002,"b.nii.gz",{PLANTED}/b.vtu,b.yaml
P003,c.nii.gz,,
"""
FORMS = (
    "subject.yaml", "cohort.csv", "mesh.pts", "mesh.elem", "mesh.lon", "layer.vtk", "ascii.vtu", "raw.vtu",
    "base64.vtu", "zlib.vtu", "lzma.vtu", "ascii.vtk", "binary.vtk", "ascii.vtp", "zlib.vtp", "ascii.ply",
    "binary.ply", "ascii.stl", "binary.stl",
)  # fmt: skip
_NUMBERS = b"0 -1 4 255 2147483647 4294967296 1000000000000 9999999999999999999999999 nan 1e308 .inf 42".split()
_SIGNS = b"& * ! [ ] { } - ? : | > ' \" % @ ` # , ; ~ < \n \t \r \0 \x1b \xff\xfe \xe2\x80\xae".split(b" ")


def write(folder: Path, form: str) -> Path:
    """A small whole file of a form, with what it needs beside it; the path is that of the one that is damaged."""
    path = folder / form
    if form == "subject.yaml":
        path.write_text(SETTINGS, encoding="utf-8")
    elif form == "cohort.csv":
        path.write_text(MANIFEST, encoding="utf-8")
        (folder / PLANTED).mkdir()
        for name in (f"{PLANTED}.nii.gz", "a.vtu", "b.nii.gz", f"{PLANTED}/b.vtu", "b.yaml", "c.nii.gz"):
            (folder / name).write_bytes(b"")
    elif form == "layer.vtk":
        layer = pv.ImageData(dimensions=(6, 5, 2), spacing=(1.5, 1.5, 8)).cast_to_unstructured_grid()
        layer.cell_data["ScalarValue"] = np.linspace(0, 1, layer.n_cells)
        layer.cell_data[PLANTED] = np.arange(layer.n_cells)
        path = folder / "layer_1.vtk"
        layer.save(path, binary=False)
    else:
        _write_mesh(path, form)
    return path


def _write_mesh(path: Path, form: str) -> None:
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter, vtkXMLUnstructuredGridWriter

    from cardioscar.imaging.formats.opencarp import write_opencarp

    grid = pv.ImageData(dimensions=(6, 5, 4), spacing=(20, 20, 20)).cast_to_unstructured_grid()
    grid.points = np.asarray(grid.points) + np.random.default_rng(0).normal(size=(grid.n_points, 3))
    grid.cell_data["fiber"] = np.tile([1.0, 0, 0], (grid.n_cells, 1))
    grid.point_data[PLANTED] = np.arange(grid.n_points, dtype=np.float32)
    surface = grid.extract_surface(algorithm="dataset_surface").triangulate()
    kind = form.partition(".")[0]
    if path.suffix in (".pts", ".elem", ".lon"):
        write_opencarp(path.with_suffix(""), grid, np.ones(grid.n_cells, dtype=int))
    elif path.suffix in (".vtu", ".vtp"):
        writer = (vtkXMLUnstructuredGridWriter if path.suffix == ".vtu" else vtkXMLPolyDataWriter)()
        writer.SetInputData(grid if path.suffix == ".vtu" else surface)
        {"ascii": writer.SetDataModeToAscii, "lzma": writer.SetDataModeToBinary}.get(
            kind, writer.SetDataModeToAppended
        )()
        writer.SetEncodeAppendedData(kind == "base64")
        writer.SetCompressorType({"zlib": 2, "lzma": 3}.get(kind, 0))
        writer.SetFileName(str(path))
        writer.Write()
    elif path.suffix == ".vtk":
        grid.save(path, binary=kind == "binary")
    else:
        surface.clear_data()
        surface.save(path, binary=kind == "binary")


def read(path: Path, form: str) -> object:
    """What a file says, in a form that can be compared."""
    from cardioscar.cohort.reading import SubjectFiles, read_cohort
    from cardioscar.imaging.formats.grid_layers import read_grid_layers
    from cardioscar.imaging.formats.mesh_files import read_grid, read_surface
    from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT

    if form == "subject.yaml":
        return SubjectFiles("P001", SCAR3D_LAYOUT, {form: path}).settings()
    if form == "cohort.csv":
        entries = read_cohort(path, SCAR3D_LAYOUT)
        said = [str(entry.problem) for entry in entries if entry.problem]
        if any(PLANTED in text for text in said):
            return PLANTED
        return [(e.subject, {role: p.name for role, p in e.files.items()}, bool(e.problem)) for e in entries]
    if form == "layer.vtk":
        (one,) = read_grid_layers(path.parent)
        return (one.values.tobytes(), one.affine.tobytes())
    if path.suffix in (".vtp", ".ply", ".stl"):
        surface = read_surface(path)
        return (np.asarray(surface.points).tobytes(), np.asarray(surface.faces).tobytes())
    grid, _ = read_grid(path.with_suffix(".elem") if path.suffix == ".lon" else path)
    fibres = np.asarray(grid.cell_data["fiber"]).tobytes() if path.suffix == ".lon" else b""
    return (np.asarray(grid.points).tobytes(), np.asarray(grid.cell_connectivity).tobytes(), fibres)


def damages(whole: bytes, form: str, count: int, seed: int) -> Iterator[bytes]:
    """Damage a file again and again, each time in one way; the same seed does the same."""
    chance = random.Random(f"{form} {seed}")
    for number in range(count):
        data = _damaged(whole, number % 8, chance)
        if data != whole:
            yield data


def _damaged(whole: bytes, how: int, chance: random.Random) -> bytes:
    out, at = bytearray(whole), chance.randrange(len(whole))
    if how == 0:
        for _ in range(chance.choice((1, 5, 20))):
            out[chance.randrange(len(out))] = chance.randrange(256)
    elif how == 1:
        del out[at:]
    elif how == 2:
        del out[at : at + chance.choice((1, 16, 500))]
    elif how == 3:
        out[at:at] = bytes(chance.randrange(256) for _ in range(chance.choice((1, 16))))
    elif how == 4:
        found = chance.choice(list(re.finditer(rb"(?<![\w.])-?\d+(?![\w.])", whole[:4000])) or [re.match(b"", whole)])
        out[found.start() : found.end()] = chance.choice(_NUMBERS)
    elif how == 5:
        for _ in range(chance.choice((1, 3, 2000))):
            out[at:at] = chance.choice(_SIGNS)
    elif how == 6:
        lines = whole.splitlines(keepends=True)
        first, other = chance.randrange(len(lines)), chance.choice(lines)
        lines[first : first + 1] = chance.choice(([], [lines[first], other], [lines[first]] * 50))
        return b"".join(lines)
    else:
        encoding = chance.choice(("utf-16", "utf-16-be", "utf-32", "utf-8-sig", "cp037"))
        return whole.decode("latin-1").encode(encoding) if whole.isascii() else bytes(reversed(out))
    return bytes(out)


def serve(form: str, whole: Path) -> None:
    """Read the files whose names come on standard input, and say what came of each."""
    from cardioscar.errors import InputError
    from cardioscar.imaging.formats import reader_probe

    reader_probe.CPU_S = 1
    logging.getLogger("cardioscar").addHandler(logging.NullHandler())
    logging.getLogger("cardioscar").propagate = False
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    expected = read(whole, form)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_MIB * 2**20,) * 2)
    for line in sys.stdin:
        signal.alarm(LIMIT_S)
        try:
            found = read(Path(line.rstrip("\n")), form)
            answer = "repeated" if found == PLANTED else "equal" if found == expected else "different"
        except InputError as error:
            answer = "repeated" if PLANTED in str(error) else "refused"
        except BaseException as error:  # noqa: BLE001 - to be counted
            answer = f"unforeseen {type(error).__name__}"
        signal.alarm(0)
        status = Path("/proc/self/status").read_text(encoding="ascii")
        print(answer, int(status.partition("VmHWM:")[2].split()[0]) // 1024, flush=True)


def try_form(form: str, count: int, seed: int, folder: Path) -> tuple[Counter[str], int]:
    """How often each outcome came of a form's damaged files, and the most memory that the reader took, in MiB."""
    whole, broken = folder / f"{form}-whole", folder / f"{form}-damaged"
    for place in (whole, broken):
        place.mkdir()
    path, target = write(whole, form), write(broken, form)
    found, peak_mib, process = Counter[str](), 0, None
    words = [sys.executable, "-W", "error", __file__, "--serve", form, str(path)]
    for data in damages(path.read_bytes(), form, count, seed):
        process = process or subprocess.Popen(
            words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        target.write_bytes(data)
        process.stdin.write(f"{target}\n")
        process.stdin.flush()
        answer, _, peak = process.stdout.readline().strip().rpartition(" ")
        if answer:
            found[answer] += 1
            peak_mib = max(peak_mib, int(peak))
        else:
            found["too long" if process.wait() == -signal.SIGALRM else "crashed"] += 1
            process.communicate()
            process = None
    if process is not None:
        process.communicate()
    return found, peak_mib


def main() -> None:
    """Try, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000, help="damaged files of each form")
    parser.add_argument("--forms", default="", help="comma-separated names; all by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(REPOSITORY)}")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve[0], Path(arguments.serve[1]))
        return
    said = conditions(["cardioscar", "numpy", "pyvista", "vtk", "PyYAML"])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for form in arguments.forms.split(",") if arguments.forms else FORMS:
            found, peak = try_form(form, arguments.files, arguments.seed, Path(folder))
            counts = [sum(n for answer, n in found.items() if answer.startswith(outcome)) for outcome in OUTCOMES]
            rows.append([form, found.total(), *counts, peak])
            print(rows[-1], {answer: n for answer, n in found.items() if answer not in OUTCOMES}, flush=True)
    text = f"{said}\n\n{table(('form', 'files', *OUTCOMES, 'peak MiB'), rows)}"
    print(text)
    if arguments.write:
        write_page(PAGE, text)


if __name__ == "__main__":
    main()
