"""What is said of a cine, as plain numbers that JSON keeps."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from cardioscar.lvquant.inference.intervals import Quantity


@dataclass(frozen=True)
class Disagreement:
    """Mean absolute difference of the two ways to every index, over slices and frames that show a ventricle.

    Attributes:
        areas_mm2: Of cavity and myocardium together; None where nothing is shown, and so below.
        areas_percent: The same as a share of the mean area.
        dimensions_mm: Of the three dimensions.
        thickness_mm: Of the six wall thicknesses.
        phase_percent: Share of frames whose phase the two tell differently.
        thickening_points: Of thickening, over the segments that both see, in points of its per cent; None for a single
            slice too.
    """

    areas_mm2: float | None
    areas_percent: float | None
    dimensions_mm: float | None
    thickness_mm: float | None
    phase_percent: float | None
    thickening_points: float | None = None


@dataclass(frozen=True)
class CineResult:
    """What is said of a cine.

    Attributes:
        slices: Slices of the cine.
        slices_with_cavity: Of these, slices that show a cavity at end-diastole.
        frames: Frames of the beat.
        ed_frame: End-diastole, counted from 0: the largest volume, or area of the only slice; None where nothing is
            found.
        es_frame: End-systole: the smallest.
        beat_ms: Length of the beat; None where the file states no times.
        lv_edv_ml: End-diastolic volume; None for a single slice, or where nothing is found, and so below.
        lv_esv_ml: End-systolic volume.
        lv_sv_ml: Stroke volume.
        lv_ef_percent: Ejection fraction.
        lv_mass_g: Mass of the wall at end-diastole.
        lv_thickening_percent: Thickening of AHA segments 1 to 16, each None where it is not seen at both times.
        volume_ml: Of each frame; None in a frame in which nothing is found.
        systole: Whether each frame is of systole, by the measured cavity.
        systole_chance: The same by the network's head, 0 to 1.
        disagreement: Of the two ways to every index.
        calibrated: Number of subjects on which the intervals were fitted; 0 where they are the network's own spread.
        reasons: What is doubtful, in sentences.
        network_sha256: Names the network.
    """

    slices: int
    slices_with_cavity: int
    frames: int
    ed_frame: int | None
    es_frame: int | None
    beat_ms: float | None
    lv_edv_ml: Quantity | None
    lv_esv_ml: Quantity | None
    lv_sv_ml: Quantity | None
    lv_ef_percent: Quantity | None
    lv_mass_g: Quantity | None
    lv_thickening_percent: tuple[Quantity | None, ...]
    volume_ml: tuple[float | None, ...]
    systole: tuple[bool, ...] | None
    systole_chance: tuple[float, ...] | None
    disagreement: Disagreement
    calibrated: int
    reasons: tuple[str, ...]
    network_sha256: str

    @property
    def quantities(self) -> dict[str, Quantity]:
        """Quantities of the stack by name, thickening by segment (`lv_thickening_percent_7`); what is not known is
        left out."""
        names = ("lv_edv_ml", "lv_esv_ml", "lv_sv_ml", "lv_ef_percent", "lv_mass_g")
        found = {name: getattr(self, name) for name in names}
        found |= {f"lv_thickening_percent_{n}": one for n, one in enumerate(self.lv_thickening_percent, start=1)}
        return {name: one for name, one in found.items() if one is not None}

    def as_json(self) -> str:
        """The same as JSON, with null for what is not known."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> CineResult:
        """Read what `as_json` wrote."""
        said: dict[str, Any] = json.loads(text)
        for name, value in said.items():
            if name == "disagreement":
                said[name] = Disagreement(**value)
            elif name == "lv_thickening_percent":
                said[name] = tuple(None if one is None else Quantity(**one) for one in value)
            elif isinstance(value, dict):
                said[name] = Quantity(**value)
            elif isinstance(value, list):
                said[name] = tuple(value)
        return cls(**said)


def known(value: float) -> float | None:
    """A number, or None where it is none."""
    return float(value) if math.isfinite(value) else None
