"""Where a cohort's outputs may lie: not among its subjects, and nowhere that the next reading would take for input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar.cohort.layout import MANIFEST, CohortLayout
from cardioscar.cohort.reading import read_cohort
from cardioscar.cohort.rows import is_subject_folder
from cardioscar.errors import InputError
from cardioscar.services.store.places import place

if TYPE_CHECKING:
    from cardioscar.services.store.s3_uri import S3Place


def check_output(cohort_uri: str | Path, output: str | Path, layout: CohortLayout, *, where: str = "output") -> None:
    """Refuse a folder of outputs that would be taken for a subject, or for several, when the cohort is read again.

    Args:
        cohort_uri: The cohort.
        output: Folder or prefix to write to; it need not exist.
        layout: What the cohort's files are for.
        where: Name of the setting, for errors.

    Raises:
        InputError: If it lies among the folders of the subjects, or in a folder of one's images.
        UnreachableError: If the object store does not answer.
    """
    root, out = place(cohort_uri, where="cohort"), place(output, where=where)
    if isinstance(root, Path) and isinstance(out, Path):
        named = not root.is_dir() or (root / MANIFEST).is_file() or is_subject_folder(root, layout)
        among = _in_images(root, out, layout) if named else _inside(out, root)
    elif isinstance(root, Path) or isinstance(out, Path):
        return
    else:
        among = _below(out, root) and not _names_its_subjects(root)
    if among:
        raise InputError(where, "a folder outside the cohort's", "one that would be taken for a subject")


def check_subjects_output(
    cohort_uri: str | Path, output: str | Path, layout: CohortLayout, *, where: str = "output"
) -> None:
    """Refuse a place for a folder of each subject that meets the cohort: `check_output`, and the cohort's own folder.

    Args:
        cohort_uri: The cohort.
        output: Folder or prefix that is to hold a folder of each subject; it need not exist.
        layout: What the cohort's files are for.
        where: Name of the setting, for errors.

    Raises:
        InputError: If it is the cohort's folder, or lies where `check_output` allows none.
        UnreachableError: If the object store does not answer.
    """
    root, out = place(cohort_uri, where="cohort"), place(output, where=where)
    if isinstance(root, Path) and isinstance(out, Path):
        same = out.exists() and root.exists() and out.samefile(root)
    else:
        same = out == root
    if same:
        raise InputError(where, "a folder outside the cohort's", "the cohort itself")
    check_output(cohort_uri, output, layout, where=where)


def _inside(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or leads into it, by what the file system says: links and capitals are no way around.

    Of a path that does not exist yet, the folders that do are looked at.
    """
    path = path.resolve()
    return any(one.exists() and one.samefile(folder) for one in (path, *path.parents))


def _in_images(root: Path, out: Path, layout: CohortLayout) -> bool:
    """Whether an output lies in a folder of images, of a cohort that names its subjects or is one."""
    if not _inside(out, root if root.is_dir() else root.parent):
        return False
    folders = {path for entry in read_cohort(root, layout) for path in entry.files.values() if path.is_dir()}
    return any(_inside(out, folder) for folder in folders)


def _below(place: S3Place, root: S3Place) -> bool:
    return place.bucket == root.bucket and f"{place.prefix}/".startswith(root.under)


def _names_its_subjects(root: S3Place) -> bool:
    from cardioscar.services.store.object_store import Store

    return Store.connect().exists(root / MANIFEST)
