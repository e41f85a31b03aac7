"""A scar map as DICOM objects that refer to the images it was made from: a segmentation and parametric maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardioscar.imaging.formats.dicom_parametric import PROBABILITY, UNCERTAINTY, write_parametric_map
from cardioscar.imaging.formats.dicom_segmentation import LIVING, SCAR, write_segmentation
from cardioscar.imaging.formats.dicom_source import source_images
from cardioscar.scar3d.exports.in_slices import MapInSlices

ALGORITHM = "cardioscar-scar3d"


def write_map_segmentation(path: Path, seen: MapInSlices, sources: Sequence[Path], *, threshold: float) -> None:
    """Write living wall and scar, which do not overlap, as a binary segmentation.

    Args:
        path: File to write.
        seen: The map on the grid of the series.
        sources: Files of the series, in any order.
        threshold: Probability from which wall is scar.

    Raises:
        InputError: If files carry identifiers, or lack what a reference needs.
        GeometryError: If they are not the slices of the grid.
        ConfigError: If `highdicom` is not installed.
    """
    images = source_images(seen.probability, sources)
    scar = seen.scar(threshold)
    parts = [(part, segment) for part, segment in ((seen.wall.values & ~scar, LIVING), (scar, SCAR)) if part.any()]
    write_segmentation(
        path,
        images,
        np.stack([_frames(part) for part, _ in parts], axis=-1).astype(np.uint8),
        [segment for _, segment in parts],
        "BINARY",
        algorithm=ALGORITHM,
        description="Living wall and scar of the 3D map",
        where=seen.probability.source,
    )


def write_parametric_maps(folder: Path, seen: MapInSlices, sources: Sequence[Path]) -> list[Path]:
    """Write scar probability and, where there is one, its uncertainty as parametric maps.

    Args:
        folder: Where `scar_probability_map.dcm` and `scar_uncertainty_map.dcm` are written.
        seen: As for `write_map_segmentation`, as are the sources and what is raised.
        sources: Files of the series.

    Returns:
        The files.
    """
    images = source_images(seen.probability, sources)
    written = []
    for name, volume, quantity in (
        ("scar_probability_map.dcm", seen.probability, PROBABILITY),
        ("scar_uncertainty_map.dcm", seen.uncertainty, UNCERTAINTY),
    ):
        if volume is not None:
            values = _frames(volume.values)
            write_parametric_map(folder / name, images, values, quantity, algorithm=ALGORITHM, where=volume.source)
            written.append(folder / name)
    return written


def _frames(values: np.ndarray) -> np.ndarray:
    """Rows and columns of each slice, shape (slices, rows, columns), as DICOM stores pictures."""
    return np.ascontiguousarray(values.transpose(2, 1, 0))
