"""Numbers at the pixels of images, as a DICOM parametric map that refers to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from cardioscar import __version__
from cardioscar.errors import ConfigError, InputError
from cardioscar.files.atomic import atomic_file
from cardioscar.imaging.formats.dicom_dataset import quiet_pydicom
from cardioscar.imaging.formats.dicom_segmentation import NOT_INSTALLED
from cardioscar.imaging.formats.dicom_source import content_sha256, derived_uid

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Quantity:
    """What the numbers are.

    Attributes:
        label: Short name, at most 16 characters; its code in the private scheme `99CARDIOSCAR`, for SNOMED CT and DICOM
            have none.
        meaning: In words.
        greatest: Upper end of the range; the lower one is 0. They have no unit.
        number: Series number.
    """

    label: str
    meaning: str
    greatest: float
    number: int


PROBABILITY = Quantity("SCAR_P", "Probability of myocardial scar", 1.0, 9010)
UNCERTAINTY = Quantity("SCAR_P_SD", "Standard deviation of scar probability", 1.0, 9011)
SCHEME = "99CARDIOSCAR"


def write_parametric_map(
    path: Path,
    images: list[Dataset],
    values: Float[np.ndarray, "images rows columns"],
    quantity: Quantity,
    *,
    algorithm: str,
    where: str,
) -> None:
    """Write numbers on the grid of images, in single precision.

    Args:
        path: File to write; an existing one is replaced.
        images: As `source_images` gives them.
        values: 0 to `quantity.greatest`; 0 where nothing is known.
        quantity: What they are.
        algorithm: Name of what computed them.
        where: Name of the series, for errors.

    Raises:
        InputError: If a value lies outside the range, or the images are none that a map can refer to.
        ConfigError: If `highdicom` is not installed.
    """
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= quantity.greatest):
        raise InputError(path.name, f"values from 0 to {quantity.greatest:g}", "others")
    try:
        import highdicom
        from highdicom.pm import RealWorldValueMapping
        from highdicom.sr.coding import CodedConcept
        from pydicom.sr.codedict import codes
    except ImportError as error:
        raise ConfigError(*NOT_INSTALLED) from error
    pixels = np.ascontiguousarray(values, dtype=np.float32)
    mapping = RealWorldValueMapping(
        lut_label=quantity.label,
        lut_explanation=quantity.meaning,
        unit=codes.UCUM.NoUnits,
        value_range=(0.0, quantity.greatest),
        slope=1.0,
        intercept=0.0,
        quantity_definition=CodedConcept(quantity.label, SCHEME, quantity.meaning),
    )
    content = content_sha256(pixels.tobytes(), quantity.label, algorithm)
    series = derived_uid(images[0].SeriesInstanceUID, content, "series")
    with quiet_pydicom():
        try:
            made: Any = highdicom.pm.ParametricMap(
                source_images=images,
                pixel_array=pixels,
                series_instance_uid=series,
                series_number=quantity.number,
                sop_instance_uid=derived_uid(series, content, "instance"),
                instance_number=1,
                manufacturer="cardioscar",
                manufacturer_model_name=algorithm,
                software_versions=__version__,
                device_serial_number="1",
                contains_recognizable_visual_features=False,
                real_world_value_mappings=[mapping],
                window_center=quantity.greatest / 2,
                window_width=quantity.greatest,
                content_label=quantity.label,
                content_description=quantity.meaning,
                series_description=quantity.meaning,
            )
        except (AttributeError, KeyError, ValueError, TypeError):
            # what these say may repeat what a header says
            raise InputError(where, "DICOM images that a map can refer to", "others") from None
        made.ContentCreatorName = ""  # must be there, and may be empty
        made.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [_anatomy()]
        _order_frames(made)
        with atomic_file(path) as partial:
            made.save_as(partial)


def _anatomy() -> Dataset:
    """The part of the body that the frames show; readers such as dcmqi do without it at their peril."""
    from pydicom import Dataset
    from pydicom.sequence import Sequence

    region, anatomy = Dataset(), Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "87878005", "SCT", "Left ventricle"
    anatomy.AnatomicRegionSequence = Sequence([region])
    anatomy.FrameLaterality = "U"
    return anatomy


def _order_frames(made: Any) -> None:
    """Put the frames in the order of their places along the normal, which readers that pass over places take for it."""
    frames = list(made.PerFrameFunctionalGroupsSequence)
    turned = made.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient
    normal = np.cross(*np.array(turned, dtype=float).reshape(2, 3))
    places = [np.array(frame.PlanePositionSequence[0].ImagePositionPatient, dtype=float) @ normal for frame in frames]
    order = np.argsort(places)
    pixels = np.frombuffer(made.FloatPixelData, dtype=np.float32).reshape(len(frames), -1)
    made.FloatPixelData = np.ascontiguousarray(pixels[order]).tobytes()
    made.PerFrameFunctionalGroupsSequence = [frames[k] for k in order]
    for number, frame in enumerate(made.PerFrameFunctionalGroupsSequence, start=1):
        frame.FrameContentSequence[0].DimensionIndexValues = [number]
