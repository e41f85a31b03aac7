"""The cohort at the door: which subjects there are, which files each has, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from cardioscar.cohort.folder_names import (
    check_beside_subjects,
    is_dead,
    is_lost_folder,
    is_subject,
    look,
    readable_folder,
    regular_file,
)
from cardioscar.cohort.layout import FOLDER_ROLES, MANIFEST, SETTINGS, check_folder_names
from cardioscar.cohort.manifest import ManifestRow, read_manifest
from cardioscar.config import from_mapping
from cardioscar.errors import InputError
from cardioscar.imaging.formats.voxel_files import voxel_files
from cardioscar.scar3d.subject_settings import SubjectSettings
from cardioscar.services.store.places import local_folder, place

_UNREAD = f"a {SETTINGS} beside the files is not read: {MANIFEST} names no settings of the subject"


@dataclass(frozen=True)
class SubjectFiles:
    """One subject's input files.

    Attributes:
        subject: Id, or `row-N` where the id itself is refused.
        files: Path of each role that is there, and of the files that belong to one: `mesh.elem` and `mesh.lon` beside
            an openCARP mesh, `lge.data` with the voxels of a header, `lge.data.0001` and so on where they are several.
        beside: Files that are not read although they look like a role's, by a name that may be shown.
        remarks: A sentence on each of these: reasons to look at the subject's map.
        problem: What is wrong with the subject as a whole; raised when its files are asked for.
    """

    subject: str
    files: dict[str, Path] = field(default_factory=dict)
    beside: dict[str, Path] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
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
    """Look at a cohort on this machine: its subjects in the order of their folders' names or of the manifest's lines.

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
        return _from_manifest(manifest, only)
    if manifest.is_symlink():
        raise InputError(manifest.name, "a readable file", "a link that leads nowhere")
    if not root.is_dir():
        raise InputError("cohort", "a folder or a cohort.csv", "no such folder")
    if is_subject_folder(root):
        return read_folders([(root.resolve().name, "the folder", root)], only)
    listed = _listed(root, "cohort")
    check_beside_subjects([path.name for path in listed if not path.is_dir()])
    # a link to a subject's folder that leads nowhere is a subject too: a row, not one heart fewer
    folders = [p for p in listed if (p.is_dir() and not p.name.startswith(".")) or is_lost_folder(p)]
    if not folders:
        raise InputError("cohort", "at least one subject folder", "none")
    return read_folders([(folder.name, folder.name, folder) for folder in folders], only)


def check_output(cohort_uri: str | Path, output: str | Path, *, where: str = "output") -> None:
    """Refuse an output that would be taken for a subject, or for several, when the cohort is read again.

    Args:
        cohort_uri: The cohort.
        output: Folder or prefix to write to; it need not exist.
        where: Name of the setting, for errors.

    Raises:
        InputError: If it lies among the folders of the subjects.
        UnreachableError: If the object store does not answer.
    """
    root, out = place(cohort_uri, where="cohort"), place(output, where=where)
    if isinstance(root, Path) and isinstance(out, Path):
        root, out = root.resolve(), out.resolve()
        named = not root.is_dir() or (root / MANIFEST).is_file() or is_subject_folder(root)
        among = root in (out, out.parent) and not named
    elif isinstance(root, Path) or isinstance(out, Path):
        return
    else:
        from cardioscar.services.store.object_store import Store

        among = f"{out}/".startswith(f"{root}/") and not Store.connect().exists(root / MANIFEST)
    if among:
        raise InputError(where, "a folder outside the cohort's", "one that would be taken for a subject")


def is_subject_folder(folder: Path) -> bool:
    """Whether a folder holds one subject's files rather than a folder for each subject."""
    paths = _listed(folder, "cohort")
    folders = {path for path in paths if path.is_dir()}
    return is_subject([path.name for path in paths if path not in folders], [path.name for path in folders])


def _listed(folder: Path, where: str) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise InputError(where, "a readable folder", error.strerror or "an unreadable one") from None


def read_folders(rows: Sequence[tuple[str, str, Path]], only: Collection[str] | None = None) -> list[SubjectFiles]:
    """Look into the folders of subjects.

    Args:
        rows: Id, name of the folder in messages, and folder of every subject of the cohort, in order.
        only: Ids that are wanted; the folders of others need not exist. Default all.

    Returns:
        One entry for each wanted subject, and one for each refused id.
    """
    checked = zip(rows, check_folder_names([name for name, *_ in rows]), strict=True)
    return [
        SubjectFiles(row, problem=problem) if problem else _subject(name, where, folder)
        for (name, where, folder), (row, problem) in checked
        if problem or only is None or name in only
    ]


def _subject(name: str, where: str, folder: Path) -> SubjectFiles:
    try:
        if is_lost_folder(folder):
            raise InputError(where, "a readable folder", "a link that leads nowhere")
        looked = look(where, _listed(folder, where), name)
        return SubjectFiles(name, _completed(where, looked.files), looked.beside, tuple(looked.remarks))
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
            partner, fibres = path.with_suffix(".elem" if path.suffix == ".pts" else ".pts"), path.with_suffix(".lon")
            if not (partner.exists() or is_dead(partner)):
                raise InputError(where, f"mesh{partner.suffix} beside mesh{path.suffix}", "no such file")
            more[f"mesh{partner.suffix}"] = regular_file(partner, f"mesh{partner.suffix}")
            if fibres.exists() or is_dead(fibres):
                more["mesh.lon"] = regular_file(fibres, "mesh.lon")
        else:
            more |= _voxels(where, role, path)
    return files | more


def _voxels(where: str, role: str, path: Path) -> dict[str, Path]:
    """The other files of an image, so that a change of the voxels is noticed; those that are there."""
    found = voxel_files(path, where=where, called=f"{role}{path.suffix}")
    names = [f"{role}.data" if len(found) == 1 else f"{role}.data.{number:04d}" for number in range(1, len(found) + 1)]
    return {name: one for name, one in zip(names, found, strict=True) if one.is_file()}


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


def _from_manifest(manifest: Path, only: Collection[str] | None) -> list[SubjectFiles]:
    return [
        SubjectFiles(row.subject, problem=row.problem) if row.problem else _from_row(row, manifest)
        for row in read_manifest(manifest)
        if row.problem or only is None or row.subject in only
    ]


def _from_row(row: ManifestRow, manifest: Path) -> SubjectFiles:
    files, beside, root = dict[str, Path](), dict[str, Path](), manifest.parent
    try:
        for role, text in row.paths.items():
            rule = f"a path of '{role}' inside the cohort's folder"
            path = _inside(root.resolve(), text, row.where, rule)
            if is_dead(root / text):
                raise InputError(row.where, f"the file of '{role}'", "a link that leads nowhere")
            if role in FOLDER_ROLES and path.is_dir():
                readable_folder(path, role)
            elif not path.is_file():
                raise InputError(row.where, f"the file of '{role}'", f"no file '{path.name}'")
            files[SETTINGS if role == "settings" else role] = path
            if "settings" not in row.paths and (unread := path.with_name(SETTINGS)).is_file():
                beside[f"beside.{SETTINGS}"] = unread
        return SubjectFiles(row.subject, _completed(row.where, files), beside, (_UNREAD,) if beside else ())
    except InputError as problem:
        return SubjectFiles(row.subject, problem=problem)
