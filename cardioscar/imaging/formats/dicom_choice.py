"""A folder with magnitude and phase-sensitive images of the same slices: which of them are taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.formats.dicom_slice import DicomSlice, read_slice
from cardioscar.imaging.formats.header_trust import HeaderTrust

SIGNED = frozenset({"PSIR", "R", "REAL", "PS", "PSMDE", "PHASE_SENSITIVE"})
"""Values of the image type (0008,0008) that say that grey values have a sign."""
MAGNITUDE = frozenset({"M", "MAG", "MAGNITUDE", "M_IR", "MAGIR"})
PHASE = frozenset({"P", "PHASE", "PHASE MAP"})
"""A phase map is an angle, and no picture of the heart; some scanners call phase-sensitive images so too."""
LOCALISER = frozenset({"LOCALIZER", "LOCALISER", "SCOUT"})
KINDS = (("phase-sensitive images", SIGNED), ("magnitude images", MAGNITUDE), ("phase images", PHASE))
_SAME_MM = 0.05


def chosen_images(paths: Sequence[Path], *, where: str, trust: HeaderTrust = "agree") -> tuple[list[Path], str | None]:
    """Of phase-sensitive and magnitude images of the same slices those that show late enhancement best.

    Phase-sensitive images come first: their grey values have a sign, so that a badly nulled wall cannot look like scar
    [@kellman2002]. Magnitudes come before images that are called phase alone, which may be angles.

    Args:
        paths: DICOM files of one folder.
        where: Its name, for errors.
        trust: As for `read_slice`.

    Returns:
        The files to read, and which kind they are of how many; all of them and None where there is nothing to choose:
        what else is odd about several series is for `read_dicom_series` to say.

    Raises:
        InputError: If a file is no DICOM image, or the folder holds localisers.
        GeometryError: As for `read_slice`.
    """
    headers = [read_slice(path, where, trust) for path in paths]
    if any(LOCALISER & set(_types(one)) for one in headers):
        raise InputError(where, "a short-axis stack of late enhancement", "a localiser")
    kinds: dict[str, list[DicomSlice]] = defaultdict(list)
    for one in headers:
        kinds[_kind(one)].append(one)
    if len(kinds) < 2 or "" in kinds:
        return list(paths), None
    places = [_places(group) for group in kinds.values()]
    same = all(one.shape == places[0].shape and np.abs(one - places[0]).max() < _SAME_MM for one in places)
    if not same:
        return list(paths), None
    name = next(name for name, _ in KINDS if name in kinds)
    others = " and ".join(other for other, _ in KINDS if other in kinds and other != name)
    return [one.path for one in kinds[name]], f"{name} of a folder that holds {others} of the same slices too"


def _types(header: DicomSlice) -> list[str]:
    return [word.strip().upper() for word in header.image_type.split("\\")]


def _kind(header: DicomSlice) -> str:
    """What an image is by its type, the most telling word first; empty where it does not say."""
    words = {*_types(header)}
    return next((name for name, known in KINDS if known & words), "")


def _places(headers: Sequence[DicomSlice]) -> np.ndarray:
    """Positions in order along the first image's normal, one for each image."""
    normal = headers[0].normal
    found = np.array([one.position_mm for one in headers])
    return np.asarray(found[np.argsort(found @ normal)])
