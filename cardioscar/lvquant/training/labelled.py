"""Labelled cines to learn from: the layouts of folders in which they come, and their slices as examples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cardioscar.errors import InputError, counted
from cardioscar.identity.spoken_names import labelled_part
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.formats.cine_files import CINE_SUFFIXES, read_cine, read_cine_labels
from cardioscar.imaging.formats.lvquan_mat import LVQuanSubject, read_lvquan
from cardioscar.imaging.labels import Label
from cardioscar.lvquant.network.intensity import normalised
from cardioscar.lvquant.training.example import Example, labelled_examples

CINE, LABELS = "cine", "labels"
"""Names, without ending, of the files in a subject's folder."""
BEYOND_SLICES = 2
"""Slices beyond each end of the ventricle that are learned from."""


@dataclass(frozen=True)
class LabelledSlice:
    """A slice to learn from.

    Attributes:
        example: Image, labels and indices.
        center: Where the heart is, index along i and j; in slices beyond its ends that of the last slice that shows it.
        beyond: Whether the slice lies beyond the ends of the ventricle.
    """

    example: Example
    center: Float[np.ndarray, " axes"]
    beyond: bool = False


@dataclass(frozen=True)
class LabelledCine:
    """Where a subject's cine and labels are.

    Attributes:
        subject: Id of the subject, by which it is split.
        cine: A `.mat` of LVQuan's layout, a 4D NIfTI, or a folder of DICOM files.
        labels: 4D NIfTI; None for a `.mat`, which holds them itself.
    """

    subject: str
    cine: Path
    labels: Path | None


def find_labelled(folder: Path) -> list[LabelledCine]:
    """Find subjects in a folder.

    Args:
        folder: Either `.mat` files in the layout of LVQuan 2018, one a subject, or a folder for each subject with
            `cine.*` and `labels.*`.

    Returns:
        Subjects in the order of their ids.

    Raises:
        InputError: If there is none, or a subject has two cines.
    """
    if not folder.is_dir():
        raise InputError("labelled folder", "a folder", "none")
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    tables = [path for path in inside if path.is_file() and path.suffix.lower() == ".mat"]
    if tables:
        return [LabelledCine(path.stem, path, None) for path in tables]
    found = []
    for subject in (path for path in inside if path.is_dir()):
        cine, labels = _only(subject, CINE), _only(subject, LABELS)
        if cine and labels:
            found.append(LabelledCine(subject.name, cine, labels))
    if not found:
        raise InputError("labelled folder", ".mat files of LVQuan, or folders with cine and labels", "neither")
    return found


def read_labelled(one: LabelledCine, *, table: str = "cardioscar", spoken: str = "") -> tuple[LabelledSlice, ...]:
    """Read a subject.

    Args:
        one: Where it is.
        table: Convention of its labels, a key of `LABEL_TABLES`.
        spoken: What errors call the subject, such as `labelled subject 2`; empty for the names of its files.

    Raises:
        InputError: If a file cannot be read, or nothing is labelled.
        GeometryError: If image and labels lie on different grids.
    """
    with labelled_part(spoken, "cine", one.cine):
        if one.labels is None:
            return lvquan_slices(read_lvquan(one.cine))
        cine = read_cine(one.cine)
    with labelled_part(spoken, "labels", one.labels):
        return cine_slices(cine, read_cine_labels(one.labels, cine, table))


def lvquan_slices(subject: LVQuanSubject) -> tuple[LabelledSlice, ...]:
    """The slice of a subject in LVQuan's layout, with the indices and the phase that the file states.

    Args:
        subject: With masks, indices and phase.

    Raises:
        InputError: If something is missing, or no cavity is drawn.
    """
    given = (subject.areas_mm2, subject.dimensions_mm, subject.thickness_mm, subject.systole)
    if subject.labels is None or any(one is None for one in given):
        raise InputError(subject.cine.source, "masks, indices and phase", "not all of them")
    areas, dimensions, thickness, systole = (np.asarray(one, dtype=np.float32) for one in given)
    [found] = cine_slices(subject.cine, subject.labels)
    stated = replace(
        found.example, areas_mm2=areas.T, dimensions_mm=dimensions.T, thickness_mm=thickness.T, systole=systole
    )
    return (replace(found, example=stated),)


def cine_slices(cine: Cine, labels: Cine) -> tuple[LabelledSlice, ...]:
    """Slices of a labelled cine: those that show a cavity, and up to `BEYOND_SLICES` beyond either end.

    Beyond the ends a frame counts as empty where somebody drew the ventricle in the other slices: readers go through a
    whole stack.

    Args:
        cine: Grey values.
        labels: Values of `Label`, on the same grid.

    Raises:
        InputError: If no cavity is drawn.
    """
    drawn = (labels.values == Label.BLOOD_POOL).any(axis=(0, 1))
    shown = np.flatnonzero(drawn.any(axis=1))
    if not len(shown):
        raise InputError(labels.source, "a cavity in at least one slice", "none")
    examples = labelled_examples(cine, labels)
    centers = {int(k): _center(labels, int(k)) for k in shown}
    found = [LabelledSlice(one, centers[int(k)]) for k, one in zip(shown, examples, strict=True)]
    labelled = drawn.any(axis=0)
    first, last = int(shown[0]), int(shown[-1])
    # wall alone is the cap of the apex, which a reader drew: no empty slice
    ends = [*range(max(first - BEYOND_SLICES, 0), first), *range(last + 1, min(last + BEYOND_SLICES + 1, cine.slices))]
    found += [
        LabelledSlice(_empty(cine, k, labelled), centers[first if k < first else last], beyond=True)
        for k in ends
        if not labels.values[:, :, k].any()
    ]
    return tuple(found)


def _center(labels: Cine, k: int) -> Float[np.ndarray, " axes"]:
    heart = (labels.values[:, :, k] != Label.BACKGROUND).any(axis=-1)
    return np.asarray(np.argwhere(heart).mean(axis=0))


def _empty(cine: Cine, k: int, labelled: np.ndarray) -> Example:
    frames, plane = cine.frames, cine.values.shape[:2]
    labels = np.where(labelled[:, None, None], 0, -1) * np.ones((1, *plane), dtype=np.int64)
    areas = np.where(labelled[:, None], 0.0, np.nan) * np.ones((1, 2))
    return Example(
        np.ascontiguousarray(normalised(cine.values[:, :, k]).transpose(2, 0, 1)),
        labels,
        areas.astype(np.float32),
        np.full((frames, 3), np.nan, dtype=np.float32),
        np.full((frames, 6), np.nan, dtype=np.float32),
        np.full(frames, np.nan, dtype=np.float32),
        np.asarray(cine.pixel_mm, dtype=np.float32),
    )


def _only(folder: Path, stem: str) -> Path | None:
    """The file of a name with an ending of cines, or a folder of that name."""
    names = {stem} | {f"{stem}{ending}" for ending in CINE_SUFFIXES}
    found = [path for path in sorted(folder.iterdir()) if path.name.lower() in names]
    if len(found) > 1:
        raise InputError("labelled folder", f"one {stem} for each subject", counted(len(found), "file"))
    return found[0] if found else None
