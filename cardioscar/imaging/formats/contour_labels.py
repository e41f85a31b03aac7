"""Labels of a DICOM cine from contours that were drawn on its images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.cine import Cine, canonical_cine
from cardioscar.imaging.formats.contour_files import Contour
from cardioscar.imaging.formats.dicom_cine import image_numbers, read_dicom_cine
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.formats.volume_files import dicom_files
from cardioscar.imaging.labels import Label


def labels_from_contours(contours: Sequence[Contour], series: Path, trust: HeaderTrust = "agree") -> Cine:
    """Draw contours into the slices and frames of their images; a pixel belongs where its centre does.

    Only the images' own headers say which slice and which frame a number is, and how the picture lies: no other format
    keeps that.

    Args:
        contours: As `read_contours` gives them.
        series: Folder of the DICOM files on which they were drawn.
        trust: As for `read_cine`.

    Returns:
        uint8 values of `Label`, background where nobody drew, in the one order of storage.

    Raises:
        InputError: As for `read_cine`, if images do not have a number each, if a contour is of no image of the cine or
            leaves its picture, or if an epicardium has no endocardium.
    """
    paths = dicom_files(series)
    cine = read_dicom_cine(paths, where=series.name, trust=trust)
    numbers = image_numbers(paths, where=series.name, trust=trust)
    by_image: defaultdict[int, dict[bool, Contour]] = defaultdict(dict)
    for one in contours:
        if one.image not in numbers:
            finding = f"no image {one.image} in {series.name} (contours of other slices?)"
            raise InputError(one.source, "a contour of one of the cine's images", finding)
        by_image[one.image][one.epicardium] = one
    values = np.zeros(cine.values.shape, dtype=np.uint8)
    plane = (cine.values.shape[0], cine.values.shape[1])
    for image, both in by_image.items():
        picture = values[(slice(None), slice(None), *numbers[image])]
        if False not in both:
            raise InputError(both[True].source, "an endocardium beside each epicardium", "none")
        if True in both:
            picture[both[True].inside(plane)] = Label.MYOCARDIUM
        picture[both[False].inside(plane)] = Label.BLOOD_POOL
    return canonical_cine(replace(cine, values=values, source="contours"))
