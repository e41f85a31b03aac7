"""A late-enhancement image at the door: read, checked, and of a folder with several kinds of image one chosen."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.checks import check_image
from cardioscar.imaging.formats.dicom_choice import chosen_images
from cardioscar.imaging.formats.dicom_series import read_dicom_series
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.formats.volume_files import dicom_files, read_labels, read_volume
from cardioscar.imaging.labels import WALL
from cardioscar.imaging.orientation import canonical
from cardioscar.imaging.regrid import onto_grid, same_grid
from cardioscar.imaging.slices import slice_axis
from cardioscar.imaging.volume import Volume

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LgeImage:
    """An image that can be segmented.

    Attributes:
        volume: The stack, in the order and frame of its files.
        sources: DICOM files that it was read of; empty for another format.
        chosen: Which images of a folder with several kinds were taken; None where there was nothing to choose.
    """

    volume: Volume
    sources: tuple[Path, ...] = ()
    chosen: str | None = None


def read_lge(path: Path, trust: HeaderTrust = "agree") -> LgeImage:
    """Read a late-enhancement image.

    Args:
        path: As for `read_volume`. A folder with phase-sensitive and magnitude images of the same slices gives the
            phase-sensitive ones, whose grey values have a sign.
        trust: Which statement of a header counts where two contradict each other.

    Raises:
        InputError: As for `read_volume`; if values are not finite or all the same, or slices repeat each other.
        GeometryError: As for `read_volume`.
    """
    sources: list[Path] = []
    chosen = None
    if path.is_dir():
        sources, chosen = chosen_images(dicom_files(path), where=path.name, trust=trust)
    elif path.suffix.lower() in (".dcm", ".ima"):
        sources = [path]
    volume = read_dicom_series(sources, where=path.name, trust=trust) if path.is_dir() else read_volume(path, trust)
    check_image(volume)
    check_differ(volume)
    if chosen:
        log.info("%s: %s were taken", volume.source, chosen)
    return LgeImage(volume, tuple(sources), chosen)


def check_differ(volume: Volume) -> None:
    """Refuse a stack of which two slices hold the same pixels.

    Raises:
        InputError: With their numbers.
    """
    seen: dict[bytes, int] = {}
    planes = np.moveaxis(volume.values, slice_axis(volume), 0)
    for number, plane in enumerate(planes):
        if np.ptp(plane) == 0:
            continue
        content = hashlib.sha256(np.ascontiguousarray(plane).tobytes()).digest()
        if content in seen:
            finding = f"identical pixels in slices {seen[content]} and {number}"
            raise InputError(volume.source, "slices that differ", finding)
        seen[content] = number


def read_reference(path: Path, image: Volume, table: str, trust: HeaderTrust = "agree") -> np.ndarray:
    """Labels that came with an image, to compare with.

    Args:
        path: As for `read_volume`.
        image: The image, in the order of `canonical`.
        table: Convention of the labels, a key of `LABEL_TABLES`.
        trust: As for `read_lge`.

    Returns:
        `Label` of each voxel on the grid of the image.

    Raises:
        InputError: As for `read_labels`, or if no wall is labelled.
        GeometryError: If they do not lie in the slices of the image.
    """
    labels = canonical(read_labels(path, table, trust))
    if not np.isin(labels.values, WALL).any():
        raise InputError(labels.source, "pixels of the wall (myocardium or scar)", "none")
    if same_grid(image, labels):
        return np.asarray(labels.values)
    if labels.values.shape == image.values.shape and not _near(labels, image):
        raise GeometryError(labels.source, f"labels in the frame of {image.source}", "the same size elsewhere")
    return np.asarray(onto_grid(labels, image).labels.values)


def _near(labels: Volume, image: Volume) -> bool:
    """Whether two grids of one size lie within half a slice of each other."""
    corners = np.indices((2, 2, 2)).reshape(3, -1).T * (np.array(image.values.shape) - 1)
    apart = np.linalg.norm(labels.index_to_mm(corners) - image.index_to_mm(corners), axis=1).max()
    return bool(apart <= image.spacing_mm.max() / 2)
