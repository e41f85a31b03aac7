"""The cohort at the door: which subjects there are, which files each has, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cardioscar.cohort.folder_names import is_dead, is_lost_folder, look, readable_folder, regular_file
from cardioscar.cohort.layout import MANIFEST, OPENCARP, SETTINGS_COLUMN, CohortLayout
from cardioscar.cohort.manifest import ManifestRow
from cardioscar.cohort.rows import CohortRows, FolderRow, list_rows
from cardioscar.config import from_mapping, kind_of
from cardioscar.errors import InputError
from cardioscar.files.plain_yaml import read_plain_yaml
from cardioscar.imaging.formats.voxel_files import voxel_files


@dataclass(frozen=True)
class SubjectFiles:
    """One subject's input files.

    Attributes:
        subject: Id, or `row-N` where the id itself is refused.
        layout: What files are for.
        files: Path of each role that is there, and of the files that belong to one: `mesh.elem` and `mesh.lon` beside
            an openCARP mesh, `lge.data` with the voxels of a header, `lge.data.0001` and so on where they are several.
        beside: Files that are not read although they look like a role's, by a name that may be shown.
        remarks: A sentence on each of these: reasons to look at the subject's map.
        problem: What is wrong with the subject as a whole; raised when its files are asked for.
    """

    subject: str
    layout: CohortLayout
    files: dict[str, Path] = field(default_factory=dict)
    beside: dict[str, Path] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    problem: InputError | None = None

    def checked(self) -> dict[str, Path]:
        """The files, or the problem raised."""
        if self.problem:
            raise self.problem
        return self.files

    def settings(self) -> Any:
        """Read the subject's settings into the layout's `settings_type`; defaults where there is no such file.

        Raises:
            InputError: If it is no mapping, or ConfigError for an unknown key or a wrong type.
        """
        name, kind = self.layout.settings, self.layout.settings_type
        path = self.files.get(name)
        if path is None:
            return kind()
        content = read_plain_yaml(path, name)
        if not isinstance(content, dict | None):
            raise InputError(name, "keys and values", kind_of(content))
        return from_mapping(kind, content or {}, where=name, foreign=True)


def read_cohort(
    cohort_uri: str | Path, layout: CohortLayout, only: Collection[str] | None = None
) -> list[SubjectFiles]:
    """Look at a cohort on this machine: its subjects in the order of their folders' names or of the manifest's lines.

    Args:
        cohort_uri: Folder of subject folders, a folder with a `cohort.csv`, the path of such a manifest, or the folder
            of one subject.
        layout: What files are for.
        only: Ids that are wanted; the folders of others are not looked into. Default all.

    Returns:
        One entry for each subject; a subject that cannot be used has its `problem`.

    Raises:
        InputError: If there is no cohort, or its manifest cannot be read at all.
    """
    return look_at(list_rows(cohort_uri, layout), layout, only)


def look_at(listed: CohortRows, layout: CohortLayout, only: Collection[str] | None = None) -> list[SubjectFiles]:
    """Look at the files of subjects that were listed.

    Args:
        listed: The cohort's subjects.
        layout: What files are for.
        only: Ids that are wanted; the files of others are not looked at. Default all.

    Returns:
        One entry for each wanted subject, and one for each whose id or line is refused.
    """
    wanted = None if only is None else set(only)
    return [_seen(row, listed, layout) for row in listed.rows if row.problem or wanted is None or row.subject in wanted]


def _seen(row: FolderRow | ManifestRow, listed: CohortRows, layout: CohortLayout) -> SubjectFiles:
    if row.problem:
        return SubjectFiles(row.subject, layout, problem=row.problem)
    if isinstance(row, FolderRow):
        return _subject(layout, row.subject, row.where, row.folder)
    assert listed.manifest is not None
    return _from_row(layout, row, listed.manifest)


def _listed(folder: Path, where: str) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise InputError(where, "a readable folder", error.strerror or "an unreadable one") from None


def _subject(layout: CohortLayout, name: str, where: str, folder: Path) -> SubjectFiles:
    try:
        if is_lost_folder(folder):
            raise InputError(where, "a readable folder", "a link that leads nowhere")
        looked = look(layout, where, _listed(folder, where), name)
        files = _completed(layout, where, looked.files)
        return SubjectFiles(name, layout, files, looked.beside, tuple(looked.remarks))
    except InputError as problem:
        return SubjectFiles(name, layout, problem=problem)


def _completed(layout: CohortLayout, where: str, files: dict[str, Path]) -> dict[str, Path]:
    """Add the files that belong to others; refuse a subject that lacks what the layout needs."""
    if need := layout.missing(files):
        raise InputError(where, need.rule, ", ".join(sorted(files)) or "nothing")
    more = {}
    for role, path in files.items():
        kind = layout.by_name.get(role)
        if kind and kind.is_pair and path.suffix in OPENCARP:
            partner, fibres = path.with_suffix(".elem" if path.suffix == ".pts" else ".pts"), path.with_suffix(".lon")
            if not (partner.exists() or is_dead(partner)):
                raise InputError(where, f"{role}{partner.suffix} beside {role}{path.suffix}", "no such file")
            more[f"{role}{partner.suffix}"] = regular_file(partner, f"{role}{partner.suffix}")
            if fibres.exists() or is_dead(fibres):
                more[f"{role}.lon"] = regular_file(fibres, f"{role}.lon")
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


def _from_row(layout: CohortLayout, row: ManifestRow, manifest: Path) -> SubjectFiles:
    files, beside, root, settings = dict[str, Path](), dict[str, Path](), manifest.parent, layout.settings
    remark = f"a {settings} beside the files is not read: {MANIFEST} names no settings of the subject"
    try:
        for role, text in row.paths.items():
            rule = f"a path of '{role}' inside the cohort's folder"
            path = _inside(root.resolve(), text, row.where, rule)
            if is_dead(root / text):
                raise InputError(row.where, f"the file of '{role}'", "a link that leads nowhere")
            if role in layout.folders and path.is_dir():
                readable_folder(path, layout.by_name[role])
            elif not path.is_file():
                raise InputError(row.where, f"the file of '{role}'", "no file of the name in its cell")
            files[settings if role == SETTINGS_COLUMN else role] = path
            if SETTINGS_COLUMN not in row.paths and (unread := path.with_name(settings)).is_file():
                beside[f"beside.{settings}"] = unread
        completed = _completed(layout, row.where, files)
        return SubjectFiles(row.subject, layout, completed, beside, (remark,) if beside else ())
    except InputError as problem:
        return SubjectFiles(row.subject, layout, problem=problem)
