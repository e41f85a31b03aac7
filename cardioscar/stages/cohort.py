"""The cohort at the door: which subjects there are, which files each has, and what is wrong with them."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError, InputError
from cardioscar.imaging.labels import LABEL_TABLES
from cardioscar.stages.places import local_folder
from cardioscar.subject_id import check_subject_id

IMAGE_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
MESH_SUFFIXES = (".vtu", ".vtk", ".vtp", ".ply", ".stl", ".pts", ".elem")
ROLES: dict[str, tuple[str, ...]] = {
    "mesh": MESH_SUFFIXES,
    "lge": IMAGE_SUFFIXES,
    "labels": IMAGE_SUFFIXES,
    "scar": IMAGE_SUFFIXES,
    "truth": (".vtu", ".vtk", *IMAGE_SUFFIXES),
}
"""Conventional file stems and their endings.

`lge/` may also be a folder of DICOM files, `scar/` one of VTK grid layers."""

FOLDER_ROLES = ("lge", "scar")
SIDECARS = (".json", ".txt", ".csv", ".md", ".yaml", ".raw", ".zraw", ".lon")
"""Endings of files that may lie beside an image or a mesh without being one."""

SETTINGS, MANIFEST = "subject.yaml", "cohort.csv"


@dataclass(frozen=True)
class SubjectSettings:
    """Facts about one subject that its images do not carry (`subject.yaml`)."""

    mesh_frame: Literal["LPS", "RAS"] = "LPS"
    """World frame of the mesh and of truth meshes."""
    label_table: str | None = None
    """Convention of the label volume, where it differs from the cohort's."""
    slice_thickness_mm: float | None = None
    """Thickness of the excited slices in mm."""
    septum_direction: tuple[float, float, float] | None = None
    """From the cavity to the middle of the septum, LPS; it fixes the AHA segments."""
    apex_to_base: tuple[float, float, float] | None = None
    """From apex to base, LPS."""

    def __post_init__(self) -> None:
        thickness = self.slice_thickness_mm
        if thickness is not None and not (math.isfinite(thickness) and thickness > 0):
            raise ConfigError(f"{SETTINGS}: slice_thickness_mm", "a positive number", f"{thickness:g}")
        if self.label_table not in (None, *LABEL_TABLES):
            raise ConfigError(f"{SETTINGS}: label_table", f"one of {', '.join(LABEL_TABLES)}", repr(self.label_table))
        for name in ("septum_direction", "apex_to_base"):
            vector = getattr(self, name)
            if vector is not None and not (math.isfinite(math.hypot(*vector)) and any(vector)):
                raise ConfigError(f"{SETTINGS}: {name}", "a direction", str(list(vector)))


@dataclass(frozen=True)
class SubjectFiles:
    """One subject's input files.

    Attributes:
        subject: Id, or `row-N` where the id itself is refused.
        files: Path of each role that is there, and of the files that belong to one: `mesh.elem` and `mesh.lon` beside
            an openCARP mesh, `lge.data` with the voxels of a header.
        problem: What is wrong with the subject as a whole; raised when its files are asked for.
    """

    subject: str
    files: dict[str, Path] = field(default_factory=dict)
    problem: InputError | None = None

    def checked(self) -> dict[str, Path]:
        """The files, or the problem raised."""
        if self.problem:
            raise self.problem
        return self.files

    def settings(self) -> SubjectSettings:
        """Read `subject.yaml`; defaults where there is none.

        Raises:
            InputError: If it is no mapping, or ConfigError for an unknown key or a wrong type.
        """
        path = self.files.get(SETTINGS)
        if path is None:
            return SubjectSettings()
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            mark = getattr(error, "problem_mark", None)
            raise InputError(SETTINGS, "YAML", f"none from line {mark.line + 1}" if mark else "none") from error
        if not isinstance(content, dict | None):
            raise InputError(SETTINGS, "keys and values", type(content).__name__)
        return from_mapping(SubjectSettings, content or {}, where=SETTINGS)


def read_cohort(cohort_uri: str | Path, only: Collection[str] | None = None) -> list[SubjectFiles]:
    """List a cohort's subjects, in the order of their folders' names or of the manifest's lines.

    Args:
        cohort_uri: Folder of subject folders, a folder with a `cohort.csv`, the path of such a manifest, or the folder
            of one subject.
        only: Ids that are wanted; the folders of others are not looked into. Default all.

    Returns:
        One entry for each subject; a subject that cannot be used has its `problem`.

    Raises:
        InputError: If there is no cohort, or its manifest cannot be read at all.
    """
    root = local_folder(cohort_uri, where="cohort")
    manifest = root if root.is_file() else root / MANIFEST
    if manifest.is_file():
        return list(_from_manifest(manifest, only))
    if not root.is_dir():
        raise InputError("cohort", "a folder or a cohort.csv", "no such folder")
    if is_subject_folder(root):
        return list(_entries([(root.resolve().name, "the folder", root)], only))
    folders = [p for p in _listed(root, "cohort") if p.is_dir() and not p.name.startswith(".")]
    if not folders:
        raise InputError("cohort", "at least one subject folder", "none")
    return list(_entries([(folder.name, folder.name, folder) for folder in folders], only))


def check_output(cohort_uri: str | Path, output: str | Path) -> None:
    """Refuse an output folder that would be taken for a subject, or for several, when the cohort is read again.

    Args:
        cohort_uri: As for `read_cohort`.
        output: Folder to write to; it need not exist.

    Raises:
        InputError: If it lies among the folders of the subjects.
    """
    root, out = local_folder(cohort_uri, where="cohort").resolve(), Path(output).resolve()
    if root.is_dir() and not (root / MANIFEST).is_file() and root in (out, out.parent) and not is_subject_folder(root):
        raise InputError("output", "a folder outside the cohort's", "one that would be taken for a subject")


def is_subject_folder(folder: Path) -> bool:
    """Whether a folder holds one subject's files rather than a folder for each subject."""
    # a folder `lge` or `scar` alone may be a subject's name
    return any(path.is_file() for found in _by_role(_listed(folder, "cohort")).values() for path in found)


def _listed(folder: Path, where: str) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(where, "a readable folder", error.strerror or "an unreadable one") from None


def _stand_in(number: int, names: Collection[str]) -> str:
    """Id of the row of a subject whose own id is refused; never that of another subject."""
    name = f"row-{number}"
    while name in names:
        name += "-refused"
    return name


def _entries(rows: list[tuple[str, str, Path]], only: Collection[str] | None) -> Iterator[SubjectFiles]:
    names = {name for name, *_ in rows}
    for number, (name, where, folder) in enumerate(rows, start=1):
        try:
            check_subject_id(name)
        except InputError as error:
            yield SubjectFiles(
                _stand_in(number, names), problem=InputError(f"folder {number}", error.rule, error.finding)
            )
            continue
        if only is None or name in only:
            yield _subject(name, where, folder)


def _by_role(paths: list[Path]) -> dict[str, list[Path]]:
    """Files and folders with conventional names, by the role that they are named for."""
    names = {path.name: path for path in paths}
    found: dict[str, list[Path]] = {}
    for role, suffixes in ROLES.items():
        found[role] = [names[role + s] for s in suffixes if role + s in names and names[role + s].is_file()]
        if role in FOLDER_ROLES and role in names and names[role].is_dir():
            found[role].append(names[role])
    if {"mesh.pts", "mesh.elem"} <= set(names):
        found["mesh"].remove(names["mesh.elem"])  # a pair, named by its .pts
    return found


def _subject(name: str, where: str, folder: Path) -> SubjectFiles:
    try:
        files, paths = {}, _listed(folder, where)
        for role, found in _by_role(paths).items():
            if len(found) > 1:
                raise InputError(where, f"one file for '{role}'", ", ".join(p.name for p in found))
            if found:
                files[role] = found[0]
                continue
            # a mesh.obj that is passed over in silence would be replaced by a mesh built from labels
            strays = [p for p in paths if p.name.startswith(f"{role}.") and p.suffix not in SIDECARS and p.is_file()]
            if strays:
                raise InputError(where, f"a {role} that ends in {', '.join(ROLES[role])}", strays[0].name)
        if (folder / SETTINGS).is_file():
            files[SETTINGS] = folder / SETTINGS
        return SubjectFiles(name, _completed(where, files))
    except InputError as problem:
        return SubjectFiles(name, problem=problem)


def _completed(where: str, files: dict[str, Path]) -> dict[str, Path]:
    """Add the files that belong to others; refuse a subject without something that shows scar, or the wall."""
    present = ", ".join(sorted(files)) or "nothing"
    if not {"lge", "labels", "scar"} & set(files):
        raise InputError(where, "one of the files lge.*, labels.*, scar.*", present)
    if not {"mesh", "labels"} & set(files):
        raise InputError(where, "a mesh.* or a labels.* to build one from", present)
    more = {}
    for role, path in files.items():
        if role == "mesh" and path.suffix in (".pts", ".elem"):
            partner = path.with_suffix(".elem" if path.suffix == ".pts" else ".pts")
            if not partner.is_file():
                raise InputError(where, f"{partner.name} beside {path.name}", "no such file")
            more[f"mesh{partner.suffix}"] = partner
            if path.with_suffix(".lon").is_file():
                more["mesh.lon"] = path.with_suffix(".lon")
        elif path.suffix in (".nhdr", ".mhd") and (data := _data_file(where, path)):
            more[f"{role}.data"] = data
    return files | more


def _data_file(where: str, header: Path) -> Path | None:
    """The file that a detached NRRD or MetaImage header names, so that a change of the voxels is noticed."""
    try:
        text = header.read_bytes()[:100_000].decode("latin-1")
    except OSError as error:
        raise InputError(where, f"a readable {header.name}", error.strerror or "an unreadable one") from None
    found = re.search(r"^(?:data ?file *:|ElementDataFile *=) *(.+?)\s*$", text, re.MULTILINE | re.IGNORECASE)
    if not found or found[1] in ("LOCAL", "LIST") or "%" in found[1]:
        return None
    path = _inside(header.parent.resolve(), found[1], where, f"a path of the voxels of {header.name} in its folder")
    return path if path.is_file() else None


def _inside(root: Path, text: str, where: str, rule: str) -> Path:
    """A relative path resolved; refused where it leads out of its folder or is no path at all."""
    try:
        path = (root / text).resolve()
        path.exists()
    except (OSError, ValueError):
        raise InputError(where, rule, "no path") from None
    if Path(text).is_absolute() or not path.is_relative_to(root):
        raise InputError(where, rule, "one that leads outside")
    return path


def _from_manifest(manifest: Path, only: Collection[str] | None) -> Iterator[SubjectFiles]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or []
            rows = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(manifest.name, "a UTF-8 table of comma-separated values", type(error).__name__) from error
    except OSError as error:
        raise InputError(manifest.name, "a readable file", error.strerror or "an unreadable one") from None
    known = ("subject", *ROLES, "settings")
    unknown = sorted(set(columns) - set(known))
    if "subject" not in columns or unknown:
        found = f"'{unknown[0]}'" if unknown else "no column 'subject'"
        raise InputError(manifest.name, f"columns {', '.join(known)}", found)
    if not rows:
        raise InputError(manifest.name, "at least one subject", "none")
    counts = Counter(row["subject"] for _, row in rows)
    done = set()
    for line, row in rows:
        name, where = row["subject"] or "", f"{manifest.name} line {line}"
        try:
            check_subject_id(name)
        except InputError as error:
            yield SubjectFiles(_stand_in(line, counts), problem=InputError(where, error.rule, error.finding))
            continue
        if name in done or (only is not None and name not in only):
            continue
        done.add(name)
        if counts[name] > 1:
            problem = InputError(manifest.name, "each id once", f"'{name}' {counts[name]} times")
            yield SubjectFiles(name, problem=problem)
        elif None in row:  # csv's key for what no column holds
            cells = len(columns) + len(row[None])
            yield SubjectFiles(name, problem=InputError(where, f"{len(columns)} cells", str(cells)))
        else:
            yield _from_row(name, row, manifest, where)


def _from_row(name: str, row: dict[str, str], manifest: Path, where: str) -> SubjectFiles:
    files: dict[str, Path] = {}
    try:
        for role, text in row.items():
            if role == "subject" or not text:
                continue
            rule = f"a path of '{role}' inside the cohort's folder"
            path = _inside(manifest.parent.resolve(), text, where, rule)
            if not path.is_file() and not (role in FOLDER_ROLES and path.is_dir()):
                raise InputError(where, f"the file of '{role}'", f"no file '{path.name}'")
            files[SETTINGS if role == "settings" else role] = path
        return SubjectFiles(name, _completed(where, files))
    except InputError as problem:
        return SubjectFiles(name, problem=problem)
