"""Real images with labels: the layouts of folders in which they come, one subject after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from cardioscar.errors import GeometryError, InputError, counted
from cardioscar.identity.spoken_names import labelled_part
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.formats.volume_files import VOLUME_SUFFIXES, read_labels, read_volume
from cardioscar.imaging.labels import Label
from cardioscar.imaging.slices import slice_axis
from cardioscar.imaging.volume import Volume
from cardioscar.lge.training.png_slices import ENDING, by_subject, read_slices

IMAGE_FOLDERS, LABEL_FOLDERS = ("images",), ("masks", "labels", "contours")
"""Names of the folders of images and of labels, in small letters: the published layout has `images` and `masks`, EMIDEC
has `Images` and `Contours` in each case's folder."""
SUBJECT_IMAGE, SUBJECT_LABELS = "lge", "labels"
"""Names, without ending, of the files in a subject's folder of a cohort."""


@dataclass(frozen=True)
class Labelled:
    """Where a subject's image and labels are.

    Attributes:
        subject: Id of the subject, by which it is split.
        image: File, or folder of a DICOM series; the first slice of PNG pictures.
        labels: File.
        slices: Picture and mask of each slice, where they are PNG.
    """

    subject: str
    image: Path
    labels: Path
    slices: tuple[tuple[Path, Path], ...] = ()


@dataclass(frozen=True)
class LabelledStack:
    """A subject's image and labels on one grid.

    Attributes:
        image: Grey values, shape (i, j, slices), the slices last.
        labels: `Label` of each voxel.
        pixel_mm: Pixel size along i and j.
    """

    image: Float[np.ndarray, "i j slices"]
    labels: UInt8[np.ndarray, "i j slices"]
    pixel_mm: tuple[float, float]


def find_labelled(folder: Path) -> list[Labelled]:
    """Find subjects in a folder.

    Args:
        folder: Either `images/` and `masks/` (or `labels/`, `contours/`) with files of the same names, volumes or PNG
            slices named by subject and number (`P01_07.png`); or a folder for each subject that has such folders of its
            own with one file each, or the files `lge.*` and `labels.*`.

    Returns:
        Subjects in the order of their ids.

    Raises:
        InputError: If there is none, or an image has no labels.
    """
    if not folder.is_dir():
        raise InputError("labelled folder", "a folder", "none")
    pairs = _paired(folder)
    if pairs is not None:
        return sorted(pairs, key=lambda one: one.subject)
    found = []
    for subject in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        own = _paired(subject)
        if own is None:
            image, labels = _only(subject, SUBJECT_IMAGE), _only(subject, SUBJECT_LABELS)
            own = [Labelled(subject.name, image, labels)] if image and labels else []
        elif len(own) != 1:
            raise InputError("labelled folder", "one image for each subject", counted(len(own), "image"))
        found += [Labelled(subject.name, one.image, one.labels) for one in own]
    if not found:
        raise InputError("labelled folder", "images/ and masks/, or a folder for each subject", "neither")
    return found


def read_labelled(
    one: Labelled,
    *,
    table: str = "cardioscar",
    trust: HeaderTrust = "agree",
    png_pixel_mm: float | None = None,
    spoken: str = "",
) -> LabelledStack:
    """Read a subject.

    Args:
        one: Where it is.
        table: Convention of its labels, a key of `LABEL_TABLES`.
        trust: Which statement of a header counts where two contradict each other.
        png_pixel_mm: Pixel size of PNG slices in mm, which they do not state.
        spoken: What errors call the subject, such as `labelled subject 2`; empty for the names of its files.

    Raises:
        InputError: If a file cannot be read, a value is not in the table, nothing is labelled, or slices are PNG and
            no pixel size is given.
        GeometryError: If image and labels lie on different grids.
    """
    if one.slices:
        return _of_pictures(one, table, png_pixel_mm, spoken)
    with labelled_part(spoken, "image", one.image):
        image = read_volume(one.image, trust)
    with labelled_part(spoken, "labels", one.labels):
        labels = read_labels(one.labels, table, trust)
        _check_together(image, labels)
    through = slice_axis(image)
    plane = [axis for axis in range(3) if axis != through]
    order = (*plane, through)
    spacing = image.spacing_mm[plane]
    return LabelledStack(
        np.ascontiguousarray(image.values.transpose(order), dtype=np.float32),
        np.ascontiguousarray(labels.values.transpose(order)),
        (float(spacing[0]), float(spacing[1])),
    )


def _check_together(image: Volume, labels: Volume) -> None:
    if image.values.shape != labels.values.shape:
        found = f"{_sizes(image)} and {_sizes(labels)}"
        raise GeometryError(labels.source, "labels on the grid of the image", found)
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * (np.array(image.values.shape) - 1)
    apart = np.abs(image.index_to_mm(corners) - labels.index_to_mm(corners)).max()
    if apart > image.spacing_mm.min():
        raise GeometryError(labels.source, "labels in the frame of the image", f"{apart:.1f} mm beside it")
    if not (labels.values != Label.BACKGROUND).any():
        raise InputError(labels.source, "labelled voxels", "none")


def _of_pictures(one: Labelled, table: str, pixel_mm: float | None, spoken: str) -> LabelledStack:
    with labelled_part(spoken, "image", one.image):
        if pixel_mm is None:
            raise InputError(one.image.name, "a pixel size for PNG slices (png_pixel_mm)", "none")
    image, labels = read_slices(one.slices, table, spoken)
    with labelled_part(spoken, "labels", one.labels):
        if not (labels != Label.BACKGROUND).any():
            raise InputError(one.labels.name, "labelled pixels", "none")
    return LabelledStack(image, labels, (pixel_mm, pixel_mm))


def _paired(folder: Path) -> list[Labelled] | None:
    """Images and labels of the same names in folders beside each other; None where there are no such folders."""
    inside = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    images = next((inside[name] for name in IMAGE_FOLDERS if name in inside), None)
    masks = next((inside[name] for name in LABEL_FOLDERS if name in inside), None)
    if images is None or masks is None:
        return None
    labels = {_stem(path): path for path in masks.iterdir() if not path.name.startswith(".")}
    pictures = {_stem(path): path for path in images.iterdir() if not path.name.startswith(".")}
    missing = len(pictures.keys() - labels.keys())
    if missing or not pictures:
        found = f"none for {counted(missing, 'image')}" if missing else "no image"
        raise InputError("labelled folder", "labels of the same name for each image", found)
    if all(path.suffix.lower() == ENDING for path in pictures.values()):
        grouped = by_subject(pictures, labels)
        return [Labelled(subject, *pairs[0], pairs) for subject, pairs in grouped.items()]
    return [Labelled(name, path, labels[name]) for name, path in pictures.items()]


def _only(folder: Path, stem: str) -> Path | None:
    """The file of a name, whatever its ending, or a folder of that name."""
    found = [path for path in sorted(folder.iterdir()) if _stem(path) == stem]
    if len(found) > 1:
        raise InputError("labelled folder", f"one {stem} for each subject", str(len(found)))
    return found[0] if found else None


def _stem(path: Path) -> str:
    """Name without the ending of an image file."""
    name = path.name
    for ending in (ENDING, *VOLUME_SUFFIXES[::-1]):
        if name.lower().endswith(ending) and path.is_file():
            name = name[: -len(ending)]
            return name[:-4] if name.lower().endswith(".nii") else name
    return name


def _sizes(volume: Volume) -> str:
    return "×".join(map(str, volume.values.shape))
