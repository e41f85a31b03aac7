"""Labels and scar probability as DICOM segmentations that refer to the images they were found in [@bridge2022]."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cardioscar import __version__
from cardioscar.errors import ConfigError, GeometryError, InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.affine import Affine
from cardioscar.imaging.formats.dicom_dataset import quiet_pydicom, text_of
from cardioscar.imaging.formats.dicom_slice import DicomSlice, read_slice
from cardioscar.imaging.labels import Label
from cardioscar.imaging.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

ANATOMY = ("91723000", "Anatomical Structure")
ABNORMAL = ("49755003", "Morphologically Abnormal Structure")
"""Categories of segments, SNOMED CT."""
APART_MM = 0.1
"""How far an image may lie beside the slice that it is taken for: positions are rounded decimal strings."""
_NEEDED = ("SOPInstanceUID", "SOPClassUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
_MAY_BE_EMPTY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
"""What a segmentation repeats and may leave empty; images under a pseudonym often lack some."""


@dataclass(frozen=True)
class Segment:
    """How a label is named in DICOM.

    Attributes:
        label: `Label` that it is.
        name: Words for people.
        category: Code and meaning, SNOMED CT.
        kind: Likewise.
        rgb: Colour in which viewers show it.
    """

    label: Label
    name: str
    category: tuple[str, str]
    kind: tuple[str, str]
    rgb: tuple[int, int, int]


SEGMENTS = (
    Segment(Label.MYOCARDIUM, "Living myocardium", ANATOMY, ("49848007", "Left Ventricle Myocardium"), (70, 130, 180)),
    Segment(Label.BLOOD_POOL, "Left ventricular cavity", ANATOMY, ("87878005", "Left ventricle"), (220, 90, 90)),
    Segment(Label.SCAR, "Myocardial scar", ABNORMAL, ("12402003", "Scar"), (250, 210, 60)),
)


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
    images = _by_slice(labels, sources)
    frames = np.stack([labels.values[..., k].T for k in range(len(images))]).astype(np.uint8)
    found = [one for one in SEGMENTS if (frames == one.label).any()]
    if not found:
        raise InputError(path.name, "something labelled", "nothing")
    stacked = np.stack([frames == one.label for one in found], axis=-1).astype(np.uint8)
    _write(path, images, stacked, found, "BINARY", algorithm, labels.source)


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
    images = _by_slice(probability, sources)
    frames = np.stack([values[..., k].T for k in range(len(images))]).astype(np.float32)[..., None]
    _write(path, images, frames, [SEGMENTS[-1]], "FRACTIONAL", algorithm, probability.source)


def _by_slice(volume: Volume, sources: Sequence[Path]) -> list[Dataset]:
    """The images of a series in the order of the slices of a volume that was read of it."""
    headers = [read_slice(path, volume.source) for path in sources]
    rows, shape = Affine(volume.affine), volume.values.shape
    found: dict[int, Dataset] = {}
    for header in headers:
        index = rows.mm_to_index(header.position_mm[None])[0]
        off_mm = np.abs(index - [0, 0, round(index[2])]) * volume.spacing_mm
        k = round(float(index[2]))
        if (
            header.shape != shape[:2]
            or not 0 <= k < shape[2]
            or off_mm.max() > APART_MM
            or not _aligned(header, volume)
        ):
            raise GeometryError(volume.source, "images in the slices of the labels", "one elsewhere")
        if k in found:
            raise GeometryError(volume.source, "one image for each slice", "two in one")
        found[k] = _complete(header, volume.source)
    if len(found) != shape[2]:
        raise GeometryError(volume.source, f"an image for each of {shape[2]} slices", str(len(found)))
    return [found[k] for k in range(shape[2])]


def _aligned(header: DicomSlice, volume: Volume) -> bool:
    steps = header.axes * header.pixel_mm
    # over the whole picture, not a pixel, must the two stay together
    return bool((np.linalg.norm(steps - volume.affine[:3, :2], axis=0) * header.shape).max() <= APART_MM * 10)


def _complete(header: DicomSlice, where: str) -> Dataset:
    missing = [name for name in _NEEDED if not text_of(header.dataset, name)]
    if missing:
        raise InputError(
            where, f"DICOM images with {missing[0]}, by which a segmentation refers to them", "one without"
        )
    with quiet_pydicom():
        for name in _MAY_BE_EMPTY:
            if name not in header.dataset:
                setattr(header.dataset, name, "")
    return header.dataset


def _write(
    path: Path,
    images: list[Dataset],
    pixels: np.ndarray,
    segments: Sequence[Segment],
    kind: str,
    algorithm: str,
    where: str,
) -> None:
    try:
        import highdicom
        from highdicom.color import CIELabColor
        from highdicom.sr.coding import CodedConcept
        from pydicom.sr.codedict import codes
    except ImportError as error:
        raise ConfigError("dicom", "highdicom installed (pip install 'cardioscar[dicom]')", "none") from error

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
    content = hashlib.sha256(pixels.tobytes() + kind.encode() + algorithm.encode()).hexdigest()
    series = _uid(images[0].SeriesInstanceUID, content, "series")
    with quiet_pydicom():
        try:
            made: Any = highdicom.seg.Segmentation(
                source_images=images,
                pixel_array=pixels,
                segmentation_type=kind,
                segment_descriptions=descriptions,
                series_instance_uid=series,
                series_number=9000 + (kind == "FRACTIONAL"),
                sop_instance_uid=_uid(series, content, "instance"),
                instance_number=1,
                manufacturer="cardioscar",
                manufacturer_model_name=algorithm,
                software_versions=__version__,
                device_serial_number="1",
                content_label="SCAR",
                series_description="Scar probability" if kind == "FRACTIONAL" else "Wall, cavity and scar",
            )
        except (AttributeError, KeyError, ValueError, TypeError):
            # what these say may repeat what a header says
            raise InputError(where, "DICOM images that a segmentation can refer to", "others") from None
        with atomic_file(path) as partial:
            made.save_as(partial)


def _uid(*words: str) -> str:
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=["cardioscar", *map(str, words)]))
