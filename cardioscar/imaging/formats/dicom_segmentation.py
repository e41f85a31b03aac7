"""Segmentations as DICOM objects that refer to the images they were found in [@bridge2022]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cardioscar import __version__
from cardioscar.errors import ConfigError, InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.formats.dicom_dataset import quiet_pydicom
from cardioscar.imaging.formats.dicom_source import content_sha256, derived_uid

if TYPE_CHECKING:
    from pydicom import Dataset

ANATOMY = ("91723000", "Anatomical Structure")
ABNORMAL = ("49755003", "Morphologically Abnormal Structure")
"""Categories of segments, SNOMED CT."""
NOT_INSTALLED = ("dicom", "highdicom installed (pip install 'cardioscar[dicom]')", "none")


@dataclass(frozen=True)
class Segment:
    """How a part of the picture is named in DICOM.

    Attributes:
        name: Words for people.
        category: Code and meaning, SNOMED CT.
        kind: Likewise.
        rgb: Colour in which viewers show it.
    """

    name: str
    category: tuple[str, str]
    kind: tuple[str, str]
    rgb: tuple[int, int, int]


LIVING = Segment("Living myocardium", ANATOMY, ("49848007", "Left Ventricle Myocardium"), (70, 130, 180))
CAVITY = Segment("Left ventricular cavity", ANATOMY, ("87878005", "Left ventricle"), (220, 90, 90))
SCAR = Segment("Myocardial scar", ABNORMAL, ("12402003", "Scar"), (250, 210, 60))


def write_segmentation(
    path: Path,
    images: list[Dataset],
    pixels: np.ndarray,
    segments: Sequence[Segment],
    kind: Literal["BINARY", "FRACTIONAL"],
    *,
    algorithm: str,
    description: str,
    where: str,
) -> None:
    """Write segments on the grid of images.

    Args:
        path: File to write; an existing one is replaced.
        images: As `source_images` gives them.
        pixels: Shape (images, rows, columns, segments): 0 and 1, or shares from 0 to 1 in steps of 1/255.
        segments: What each of the last axis is.
        kind: `BINARY` or `FRACTIONAL`.
        algorithm: Name of what drew them.
        description: Of the series.
        where: Name of the series, for errors.

    Raises:
        InputError: If the images are none that a segmentation can refer to.
        ConfigError: If `highdicom` is not installed.
    """
    try:
        import highdicom
        from highdicom.color import CIELabColor
        from highdicom.sr.coding import CodedConcept
        from pydicom.sr.codedict import codes
    except ImportError as error:
        raise ConfigError(*NOT_INSTALLED) from error

    def code(value: tuple[str, str]) -> CodedConcept:
        return CodedConcept(value[0], "SCT", value[1])

    identification = highdicom.AlgorithmIdentificationSequence(
        name=algorithm, family=codes.DCM.ArtificialIntelligence, version=__version__
    )
    descriptions = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=one.name,
            segmented_property_category=code(one.category),
            segmented_property_type=code(one.kind),
            algorithm_type="AUTOMATIC",
            algorithm_identification=identification,
            display_color=CIELabColor.from_rgb(*one.rgb),
        )
        for number, one in enumerate(segments, start=1)
    ]
    # the same images and labels make the same object, which a PACS then holds once
    content = content_sha256(pixels.tobytes(), kind, algorithm)
    series = derived_uid(images[0].SeriesInstanceUID, content, "series")
    with quiet_pydicom():
        try:
            made: Any = highdicom.seg.Segmentation(
                source_images=images,
                pixel_array=pixels,
                segmentation_type=kind,
                segment_descriptions=descriptions,
                series_instance_uid=series,
                series_number=9000 + (kind == "FRACTIONAL"),
                sop_instance_uid=derived_uid(series, content, "instance"),
                instance_number=1,
                manufacturer="cardioscar",
                manufacturer_model_name=algorithm,
                software_versions=__version__,
                device_serial_number="1",
                content_label="SCAR",
                series_description=description,
            )
        except (AttributeError, KeyError, ValueError, TypeError):
            # what these say may repeat what a header says
            raise InputError(where, "DICOM images that a segmentation can refer to", "others") from None
        with atomic_file(path) as partial:
            made.save_as(partial)
