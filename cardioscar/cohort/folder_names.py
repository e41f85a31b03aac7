"""What lies in a cohort's folder and in a subject's, by its names: the rules that folders and prefixes have in common.

One spelling counts, small letters: a name in other capitals or with a slip, a link that leads nowhere and a folder in
the place of a file are refused by name, for passed over they would change the map without a word.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cardioscar.cohort.layout import MANIFEST, OPENCARP, CohortLayout, Role
from cardioscar.cohort.near_names import Meant, is_put_aside, is_sidecar, meant, meant_manifest, meant_settings
from cardioscar.errors import InputError
from cardioscar.identity.endings import shown_ending

_NOTE_ENDINGS = (
    ".csv",
    ".txt",
    ".md",
    ".html",
    ".pdf",
    ".json",
    ".yaml",
    ".yml",
    ".xlsx",
    ".log",
    ".sh",
    ".py",
    ".zip",
)
"""Endings of files that may lie in a cohort's folder beside the subjects."""
_NOTES = ("readme", "license", "licence", "changes", "changelog", "notice", "authors", "makefile")


@dataclass
class Looked:
    """What the names in a subject's folder say.

    Attributes:
        files: File or folder of each role that is there, and the settings.
        beside: Files that look like a role's and are not read, by a name that may be shown.
        remarks: A sentence on each of these.
    """

    files: dict[str, Path] = field(default_factory=dict)
    beside: dict[str, Path] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def look(layout: CohortLayout, where: str, paths: Sequence[Path], own: str) -> Looked:
    """Find the files of each role among the paths of a subject's folder.

    Args:
        layout: What files are for.
        where: Name of the folder in messages.
        paths: All that lies in it.
        own: The subject's id.

    Raises:
        InputError: If a role has two files, or a file that is no file, cannot be read, or has almost its name.
    """
    names, looked = {path.name: path for path in paths}, Looked()
    _check_capitals(layout, where, names)
    almost = _almost(layout, names, own)
    for one in layout.roles:
        role, suffixes = one.name, one.endings
        found = [regular_file(names[role + suffix]) for suffix in suffixes if role + suffix in names]
        if one.folder and role in names and (names[role].is_dir() or is_dead(names[role])):
            found.append(readable_folder(names[role], one))
        if one.is_pair and {role + suffix for suffix in OPENCARP} <= set(names):
            found.remove(names[f"{role}.elem"])  # a pair, named by its .pts
        if len(found) > 1:
            raise InputError(where, f"one file for '{role}'", ", ".join(path.name for path in found))
        if found:
            looked.files[role] = found[0]
        for path, like in almost.items():
            if like.role == role:
                _judge(looked, where, path, like, layout.by_name[role], found[0] if found else None)
        if not found:
            _check_strays(where, one, [path for path in paths if path not in almost])
    for name in layout.fibres & {*names}:
        regular_file(names[name])
    if layout.settings in names:
        looked.files[layout.settings] = regular_file(names[layout.settings])
    else:
        for name in names:
            if setting := meant_settings(name, layout.settings):
                raise InputError(where, f"the name {layout.settings}", setting.shown)
    return looked


def is_subject(layout: CohortLayout, files: Collection[str], folders: Collection[str]) -> bool:
    """Whether names are those of one subject's files, rather than of a folder for each subject.

    Args:
        layout: What files are for.
        files: Names of files and of dead links.
        folders: Names of folders; one called like a role that may be a folder may be a subject's.

    >>> layout = CohortLayout((Role("labels", (".nii", ".nii.gz")), Role("lge", (".nii",), "series")), (), (), "")
    >>> [is_subject(layout, files, ["lge"]) for files in (["labels.nii.gz"], ["Labels.nii"], ["README.md"])]
    [True, True, False]
    """
    if any(layout.role_of(name) for name in files):
        return True
    likes = [_meant(layout, name) for name in files]
    return all(name in layout.folders or _meant(layout, name, folder=True) for name in folders) and any(
        like and like.surely for like in likes
    )


def _meant(layout: CohortLayout, name: str, *, own: str = "", folder: bool = False) -> Meant | None:
    return meant(name, layout.endings, own=own, folder=folder, no_typos=layout.no_typos)


def check_beside_subjects(layout: CohortLayout, files: Collection[str]) -> None:
    """Refuse what lies beside the folders of subjects and was meant for all of them.

    Raises:
        InputError: If it is almost a manifest, or a subject's settings.
    """
    for name in sorted(files):
        if like := meant_manifest(name):
            raise InputError("cohort", f"the name {MANIFEST} of a manifest", like.shown)
        if name.lower() in (layout.settings, layout.settings.replace(".yaml", ".yml")):
            rule = f"a {layout.settings} in the folder of each subject"
            raise InputError("cohort", rule, "one beside these folders")


def is_lost_folder(path: Path) -> bool:
    """Whether something in a cohort's folder is a link to a subject's folder that leads nowhere."""
    if path.name.startswith(".") or not is_dead(path):
        return False
    is_file = (
        path.suffix.lower() in _NOTE_ENDINGS or path.name.lower() in _NOTES or "annex/objects" in str(path.readlink())
    )
    return not is_file


def readable_folder(folder: Path, role: Role) -> Path:
    """A folder of files, none of which is a link that leads nowhere; hidden ones do not count.

    Args:
        folder: The folder.
        role: Its role.

    Raises:
        InputError: If there is such a link, or the folder itself is one.
    """
    name = role.name
    if is_dead(folder):
        raise InputError(name, "a readable folder", "a link that leads nowhere")
    try:
        dead = sum(not path.name.startswith(".") and is_dead(path) for path in folder.rglob("*"))
    except OSError as error:
        raise InputError(name, "a readable folder", error.strerror or "an unreadable one") from None
    if dead:
        found = "a link that leads nowhere" if dead == 1 else f"{dead} links that lead nowhere"
        raise InputError(name, "readable files", found)
    if role.folder == "layers":
        _check_layers(name, folder)
    return folder


def _check_layers(role: str, folder: Path) -> None:
    names = {path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")}
    almost = {name for name in names if ".vt" in name.lower() and not name.endswith(".vtk")}
    almost -= {name for name in almost if any(other != name and name.startswith(other) for other in names)}
    if almost:
        raise InputError(role, "grid layers that end in .vtk", f"{len(almost)} that end in another way")


def is_dead(path: Path) -> bool:
    """Whether a path is a link that leads nowhere (content that was not fetched, a volume that is not mounted)."""
    try:
        return path.is_symlink() and not path.exists()
    except OSError:
        return True


def regular_file(path: Path, name: str = "") -> Path:
    """A path that must be that of a file.

    Args:
        path: The path.
        name: Its role, for messages; default its own name.

    Raises:
        InputError: If it is a link that leads nowhere, a folder, a pipe, or cannot be looked at.
    """
    name = name or path.name
    try:
        if path.is_file():
            return path
        found = "a folder" if path.is_dir() else "none" if not path.exists() else "a pipe or a device"
    except OSError as error:
        raise InputError(name, "a readable file", error.strerror or "an unreadable one") from None
    raise InputError(name, "a readable file", "a link that leads nowhere" if is_dead(path) else found)


def _check_capitals(layout: CohortLayout, where: str, names: Mapping[str, Path]) -> None:
    """Refuse conventional names in other capitals, beside the right ones too: who can tell which is meant?"""
    own = {role.name + suffix for role in layout.roles for suffix in role.endings} | layout.fibres | {layout.settings}
    folders = {*layout.folders}
    for name, path in names.items():
        wanted = name.lower()
        if name != wanted and wanted in (folders if path.is_dir() else own):
            if wanted in names:
                raise InputError(where, f"one of {wanted} and {name}", "both")
            raise InputError(where, f"the name {wanted}", name)


def _almost(layout: CohortLayout, names: Mapping[str, Path], own: str) -> dict[Path, Meant]:
    """Names that are no conventional ones and look like those of a role."""
    found = {}
    for name, path in sorted(names.items()):
        folder = path.is_dir()
        if layout.role_of(name, folder=folder) or name in (*layout.fibres, layout.settings):
            continue
        if like := _meant(layout, name, own=own, folder=folder):
            found[path] = like
    return found


def _judge(looked: Looked, where: str, path: Path, like: Meant, role: Role, found: Path | None) -> None:
    """Refuse a name that was meant to be a role's file, which is missing; remark on one that may have been."""
    folder = path.is_dir()
    if found is None and like.surely:
        shown = f"a folder {like.shown}" if folder else like.shown
        raise InputError(where, _wanted(role, path.name, folder), shown)
    if folder or (found and (not like.surely or is_put_aside(path.name))):
        return
    looked.beside[like.shown if like.shown == path.name else f"beside.{len(looked.beside) + 1}"] = path
    beside = f"beside {found.name}" if found else "in the subject's folder"
    looked.remarks.append(f"{like.shown} {beside} is not read: only a file named {like.role}.* is")


def _wanted(role: Role, name: str, folder: bool) -> str:
    """What a file was to be called: the role with its ending, or one of the endings where it has none of these."""
    if folder and role.folder:
        return f"the name {role.name}"
    # by its letters: a browser puts a number between `.nii` and `.gz`
    letters = "".join(character for character in name.lower() if character.isalpha())
    known = sorted(role.endings, key=len, reverse=True)
    ending = next((suffix for suffix in known if suffix.replace(".", "") in letters.removeprefix(role.name)), "")
    return f"the name {role.name}{ending}" if ending else _endings(role)


def _endings(role: Role) -> str:
    return f"a {role.name} that ends in {', '.join(role.endings)}"


def _check_strays(where: str, role: Role, paths: Sequence[Path]) -> None:
    """A `mesh.dat` that is passed over in silence would be replaced by a mesh built from labels."""
    for path in paths:
        if path.name.startswith(f"{role.name}.") and not is_sidecar(path.name) and not path.is_dir():
            ending = shown_ending(path.name)
            raise InputError(where, _endings(role), role.name + ending if ending.startswith(".") else ending)
