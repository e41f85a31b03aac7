"""The cohort at the door: which subjects there are, which files each has, and what is wrong with them."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from cardioscar.config import from_mapping
from cardioscar.errors import InputError
from cardioscar.subject_id import check_subject_id

IMAGE_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
MESH_SUFFIXES = (".vtu", ".vtk", ".vtp", ".ply", ".stl", ".pts")
ROLES: dict[str, tuple[str, ...]] = {
    "mesh": MESH_SUFFIXES,
    "lge": IMAGE_SUFFIXES,
    "labels": IMAGE_SUFFIXES,
    "scar": IMAGE_SUFFIXES,
    "truth": (".vtu", ".vtk", *IMAGE_SUFFIXES),
}
"""Conventional file stems and their endings. `lge/` may also be a folder of DICOM files, `scar/` one of VTK grid layers."""

FOLDER_ROLES = ("lge", "scar")
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


@dataclass(frozen=True)
class SubjectFiles:
    """One subject's input files.

    Attributes:
        subject: Id, or `row-N` where the id itself is refused.
        files: Path of each role that is there.
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
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise InputError(SETTINGS, "YAML", type(error).__name__) from error
        if not isinstance(content, dict | None):
            raise InputError(SETTINGS, "keys and values", type(content).__name__)
        return from_mapping(SubjectSettings, content or {}, where=SETTINGS)


def read_cohort(cohort_uri: str | Path) -> list[SubjectFiles]:
    """List a cohort's subjects, in order of id.

    Args:
        cohort_uri: Folder of subject folders, a folder with a `cohort.csv`, the path of such a manifest, or the folder
            of one subject.

    Returns:
        One entry for each subject; a subject that cannot be used has its `problem`.

    Raises:
        InputError: If there is no cohort, or its manifest cannot be read at all.
    """
    root = Path(cohort_uri)
    manifest = root if root.is_file() else root / MANIFEST
    if manifest.is_file():
        return list(_from_manifest(manifest))
    if not root.is_dir():
        raise InputError("cohort", "a folder or a cohort.csv", "no such folder")
    alone = _subject(root.resolve().name, "the folder", root)
    if alone.files and set(alone.files) - set(FOLDER_ROLES):
        return list(_entries([(alone.subject, "the folder", root)]))
    folders = [p for p in sorted(root.iterdir()) if p.is_dir() and not p.name.startswith(".")]
    if not folders:
        raise InputError("cohort", "at least one subject folder", "an empty folder")
    return list(_entries([(folder.name, folder.name, folder) for folder in folders]))


def _entries(rows: list[tuple[str, str, Path]]) -> Iterator[SubjectFiles]:
    for number, (name, where, folder) in enumerate(rows, start=1):
        try:
            check_subject_id(name)
        except InputError as error:
            yield SubjectFiles(f"row-{number}", problem=InputError(f"folder {number}", error.rule, error.finding))
            continue
        yield _subject(name, where, folder)


def _subject(name: str, where: str, folder: Path) -> SubjectFiles:
    files: dict[str, Path] = {}
    for role, suffixes in ROLES.items():
        found = [folder / (role + suffix) for suffix in suffixes if (folder / (role + suffix)).is_file()]
        if role in FOLDER_ROLES and (folder / role).is_dir():
            found.append(folder / role)
        if len(found) > 1:
            names = ", ".join(p.name for p in found)
            return SubjectFiles(name, problem=InputError(where, f"one file for '{role}'", names))
        if found:
            files[role] = found[0]
    if (folder / SETTINGS).is_file():
        files[SETTINGS] = folder / SETTINGS
    return SubjectFiles(name, files, _lacking(where, files))


def _lacking(where: str, files: dict[str, Path]) -> InputError | None:
    """A subject needs something that shows scar, and something that shows the wall."""
    present = ", ".join(sorted(files)) or "nothing"
    if not {"lge", "labels", "scar"} & set(files):
        return InputError(where, "one of the files lge.*, labels.*, scar.*", present)
    if not {"mesh", "labels"} & set(files):
        return InputError(where, "a mesh.* or a labels.* to build one from", present)
    elements = files["mesh"].with_suffix(".elem") if "mesh" in files and files["mesh"].suffix == ".pts" else None
    if elements is not None:
        if not elements.is_file():
            return InputError(where, f"{elements.name} beside {files['mesh'].name}", "no such file")
        files["mesh.elem"] = elements
    return None


def _from_manifest(manifest: Path) -> Iterator[SubjectFiles]:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(manifest.name, "a UTF-8 table of comma-separated values", type(error).__name__) from error
    known = {"subject", *ROLES, "settings"}
    columns = set(rows[0]) if rows else set()
    if "subject" not in columns or columns - known:
        found = ", ".join(sorted(map(str, columns - known))) or "no column 'subject'"
        raise InputError(manifest.name, f"columns {', '.join(sorted(known))}", found)
    counts = Counter(row["subject"] for row in rows)
    done = set()
    for line, row in enumerate(rows, start=2):
        name, where = row["subject"] or "", f"{manifest.name} line {line}"
        try:
            check_subject_id(name)
        except InputError as error:
            yield SubjectFiles(f"row-{line}", problem=InputError(where, error.rule, error.finding))
            continue
        if name in done:
            continue
        done.add(name)
        if counts[name] > 1:
            yield SubjectFiles(
                name, problem=InputError(manifest.name, "each id once", f"'{name}' {counts[name]} times")
            )
        else:
            yield _from_row(name, row, manifest, where)


def _from_row(name: str, row: dict[str, str], manifest: Path, where: str) -> SubjectFiles:
    files: dict[str, Path] = {}
    root = manifest.parent.resolve()
    for role, text in row.items():
        if role == "subject" or not text:
            continue
        path = (root / text).resolve()
        if Path(text).is_absolute() or not path.is_relative_to(root):
            problem = InputError(where, f"a path of '{role}' inside the cohort's folder", "one that leads outside")
            return SubjectFiles(name, problem=problem)
        if not path.exists():
            return SubjectFiles(name, problem=InputError(where, f"the file of '{role}'", f"no file '{path.name}'"))
        files[SETTINGS if role == "settings" else role] = path
    return SubjectFiles(name, files, _lacking(where, files))
