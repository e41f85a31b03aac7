"""Labels and scar probability as DICOM segmentations that refer to the images they were found in [@bridge2022]."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.formats.dicom_segmentation import CAVITY, LIVING, SCAR, write_segmentation
from cardioscar.imaging.formats.dicom_source import source_images
from cardioscar.imaging.labels import Label
from cardioscar.imaging.volume import Volume

SEGMENTS = ((Label.MYOCARDIUM, LIVING), (Label.BLOOD_POOL, CAVITY), (Label.SCAR, SCAR))


def write_label_seg(path: Path, labels: Volume, sources: Sequence[Path], *, algorithm: str) -> None:
    """Write labels as a binary segmentation: living muscle, cavity and scar, which do not overlap.

    Args:
        path: File to write; an existing one is replaced.
        labels: Values of `Label` on the grid of the series, as `Segmentation.own_labels` gives them.
        sources: Files of the series that was segmented, in any order.
        algorithm: Name of the network.

    Raises:
        InputError: If files cannot be read, carry identifiers, lack what a reference needs, or nothing is labelled.
        GeometryError: If they do not lie in the slices of the labels, one in each.
        ConfigError: If `highdicom` is not installed.
    """
    images = source_images(labels, sources)
    frames = np.stack([labels.values[..., k].T for k in range(len(images))]).astype(np.uint8)
    found = [(label, segment) for label, segment in SEGMENTS if (frames == label).any()]
    if not found:
        raise InputError(path.name, "something labelled", "nothing")
    write_segmentation(
        path,
        images,
        np.stack([frames == label for label, _ in found], axis=-1).astype(np.uint8),
        [segment for _, segment in found],
        "BINARY",
        algorithm=algorithm,
        description="Wall, cavity and scar",
        where=labels.source,
    )


def write_probability_seg(path: Path, probability: Volume, sources: Sequence[Path], *, algorithm: str) -> None:
    """Write the scar probability as a fractional segmentation, in steps of 1/255.

    Args:
        path: File to write; an existing one is replaced.
        probability: 0 to 1, on the grid of the series.
        sources: As for `write_label_seg`, as are what it raises.
        algorithm: Name of the network.
    """
    values = probability.values
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise InputError(path.name, "probabilities from 0 to 1", "others")
    images = source_images(probability, sources)
    frames = np.stack([values[..., k].T for k in range(len(images))]).astype(np.float32)[..., None]
    write_segmentation(
        path,
        images,
        frames,
        [SCAR],
        "FRACTIONAL",
        algorithm=algorithm,
        description="Scar probability",
        where=probability.source,
    )
