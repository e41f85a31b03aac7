"""Workspaces of DENSEanalysis: circumferential strain, time of onset, slice location [@gilliam2016]."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from cardioscar.activation.formats.given import Given
from cardioscar.activation.strain.checks import check_matrix
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.resampling import resample_sectors
from cardioscar.errors import InputError
from cardioscar.imaging.formats.matlab_files import read_matlab

log = logging.getLogger(__name__)

STRAINS = (
    "StrainInfo.CCmidSVD",
    "StrainInfo.CCmid",
    "TransmuralStrainInfo.Ecc.midSVD",
    "TransmuralStrainInfo.Ecc.mid",
)
"""Where mid-wall circumferential strain may stand, full resolution before segments, denoised before measured."""
TIMES_OF_ONSET = ("TOSAnalysis.TOSfullRes", "TOSAnalysis.TOS", "TOSAnalysis.TOS18")
_TRIGGERS = re.compile(r"SequenceInfo(?:\[(\d+)\])?\.TriggerTime")
_LOCATIONS = re.compile(r"SequenceInfo(?:\[(\d+)\])?\.SliceLocation")


def read_workspace(path: Path, given: Given = Given()) -> StrainSlice:
    """Read the slice of a workspace.

    Args:
        path: `.mat` or `.dns` with the structures `TransmuralStrainInfo` or `StrainInfo`, and, where they are there,
            `TOSAnalysis` and `SequenceInfo`.
        given: Frame times, which are taken from `SequenceInfo.TriggerTime` where it has one for each frame, and how the
            workspace's sectors are counted.

    Returns:
        Strain as the workspace has it; its times of onset averaged or spread to the same sectors.

    Raises:
        InputError: If it is a workspace of another kind, its parts do not fit, or nobody states the frame times.
    """
    variables = read_matlab(path, {"TransmuralStrainInfo", "StrainInfo", "TOSAnalysis", "SequenceInfo"})
    found = {name: value for name, value in variables.items() if value.size}
    name = next((one for one in STRAINS if one in found), None)
    if name is None:
        raise InputError(
            path.name, f"a workspace with circumferential strain ({', '.join(STRAINS)})", "one of another kind"
        )
    triggers = _by_element(found, _TRIGGERS)
    strain = found[name]
    times = triggers if triggers is not None and len(triggers) in strain.shape else None
    told = times if times is not None else (np.array(given.frame_ms) if given.frame_ms else None)
    strain = check_matrix(strain, told, where=path.name)
    frame_ms = given.times(times, strain.shape[1], where=path.name)
    log.info("%s: strain is %s, %d sectors × %d frames", path.name, name, *strain.shape)
    locations = _by_element(found, _LOCATIONS)
    location = given.location_mm if locations is None else float(locations[0])
    if locations is not None and np.ptp(locations) > 0.1:
        raise InputError(path.name, "one slice", f"locations over {np.ptp(locations):.1f} mm")
    one = StrainSlice(strain, frame_ms, location_mm=location, source=path.name)
    onset = next((one for one in TIMES_OF_ONSET if one in found), None)
    if onset is not None:
        tos_ms = found[onset].ravel().astype(np.float64)
        if not np.isfinite(tos_ms).all() or tos_ms.min() < 0 or len(tos_ms) < 2:
            raise InputError(path.name, "times of onset in ms, 0 and more, of each sector", f"others in {onset}")
        log.info("%s: time of onset is %s, %d sectors", path.name, onset, len(tos_ms))
        one = replace(one, tos_ms=resample_sectors(tos_ms, one.sectors))
    if given.first_sector or given.towards_anterior:
        return one.turned(given.first_sector, reverse=given.towards_anterior)
    return one


def _by_element(found: dict[str, np.ndarray], pattern: re.Pattern[str]) -> np.ndarray | None:
    """The numbers of a field in the order of the structure's elements, or those of its one element."""
    places = [(int(match[1] or 0), name) for name in found if (match := pattern.fullmatch(name))]
    values = [found[name].ravel().astype(np.float64) for _, name in sorted(places)]
    if not values:
        return None
    joined = np.concatenate(values)
    if not np.isfinite(joined).all():
        return None
    # phases and magnitudes of one frame have the same time
    return np.unique(joined) if "Trigger" in pattern.pattern else joined
