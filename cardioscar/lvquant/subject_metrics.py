"""Content of a subject's `metrics.json`: plain numbers with their intervals beside them, and the verdict."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError, InputError
from cardioscar.imaging.coordinates.aha import AHA_SEGMENTS
from cardioscar.lvquant.inference.intervals import Quantity
from cardioscar.lvquant.inference.result import CineResult, Disagreement
from cardioscar.lvquant.reference import Reference
from cardioscar.lvquant.sectors import SeptumFrame

VOLUMES = ("lv_edv_ml", "lv_esv_ml", "lv_sv_ml", "lv_ef_percent", "lv_mass_g")
"""Numbers of a stack; beside each stand `…_low` and `…_high`, and `…_regressed` by the other way."""


@dataclass(frozen=True)
class SegmentThickening:
    """Thickening of the wall in one segment of the AHA."""

    segment: int
    """Number, 1 to 16."""
    name: str
    """Name of the segment."""
    percent: float | None
    """From end-diastole to end-systole; null where the wall is not seen at both times."""
    low: float | None
    """Lower end of its 90 % interval."""
    high: float | None
    """Upper end."""
    regressed: float | None = None
    """The same from the thicknesses that the network regresses."""


@dataclass(frozen=True)
class Verdict:
    """Whether the numbers can be relied on."""

    verdict: Literal["pass", "review", "fail"]
    """`fail`: there is nothing to rely on; `review`: somebody should look."""
    reasons: tuple[str, ...]
    """What it rests on, in sentences."""


@dataclass(frozen=True)
class SubjectMetrics:
    """Content of `metrics.json`."""

    lv_edv_ml: float | None
    """End-diastolic volume in ml; null for a single slice, or where no ventricle is found, and so for all below."""
    lv_edv_ml_low: float | None
    """Lower end of its 90 % interval."""
    lv_edv_ml_high: float | None
    """Upper end."""
    lv_edv_ml_regressed: float | None
    """The same from the areas that the network regresses."""
    lv_esv_ml: float | None
    """End-systolic volume in ml."""
    lv_esv_ml_low: float | None
    """Lower end of its 90 % interval."""
    lv_esv_ml_high: float | None
    """Upper end."""
    lv_esv_ml_regressed: float | None
    """The same from regressed areas."""
    lv_sv_ml: float | None
    """Stroke volume in ml."""
    lv_sv_ml_low: float | None
    """Lower end of its 90 % interval."""
    lv_sv_ml_high: float | None
    """Upper end."""
    lv_sv_ml_regressed: float | None
    """The same from regressed areas."""
    lv_ef_percent: float | None
    """Ejection fraction in %."""
    lv_ef_percent_low: float | None
    """Lower end of its 90 % interval."""
    lv_ef_percent_high: float | None
    """Upper end."""
    lv_ef_percent_regressed: float | None
    """The same from regressed areas."""
    lv_mass_g: float | None
    """Mass of the wall at end-diastole in g, at 1.05 g/ml."""
    lv_mass_g_low: float | None
    """Lower end of its 90 % interval."""
    lv_mass_g_high: float | None
    """Upper end."""
    lv_mass_g_regressed: float | None
    """The same from regressed areas."""
    intervals_calibrated_on: int
    """Subjects of known truth on which the intervals were fitted; 0: they are the network's own spread."""
    thickening: tuple[SegmentThickening, ...]
    """Thickening of the wall by segment; no entries for a single slice."""
    slices: int
    """Slices of the cine."""
    slices_with_cavity: int
    """Of these, slices that show a cavity at end-diastole."""
    frames: int
    """Frames of the beat."""
    beat_ms: float | None
    """Length of the beat in ms; null where neither file nor settings state times."""
    times_ms: tuple[float, ...] | None
    """Time of each frame after the trigger in ms; null likewise."""
    ed_frame: int | None
    """End-diastole, counted from 0; null where no ventricle is found."""
    es_frame: int | None
    """End-systole."""
    volume_ml: tuple[float | None, ...]
    """Cavity of each frame in ml; null in a frame in which nothing is found, and for a single slice."""
    systole: tuple[bool, ...] | None
    """Whether each frame is of systole, by the measured cavity."""
    systole_chance: tuple[float, ...] | None
    """The same by the network, 0 to 1."""
    disagreement: Disagreement
    """Of the two ways to every index: measured from the segmentation, and regressed."""
    septum: Literal["given", "assumed"]
    """Whether `subject.yaml` says where the septum is; else it is right and anterior of the patient."""
    septum_deg: float
    """Direction of the middle of the septum in the slices, from the axis of i towards that of j."""
    septum_turn: int
    """1 where anterior lies from there towards growing angles, -1 where towards falling ones."""
    network_sha256: str
    """Names the network."""
    reference: Reference | None
    """What labels beside the cine say; null where there are none."""
    seconds: float
    """Time of the network and of measuring, in s."""
    warnings: tuple[str, ...]
    """What was warned of, a sentence each."""
    qc: Verdict
    """The verdict, with its reasons."""

    @property
    def septum_frame(self) -> SeptumFrame:
        """Directions of the heart in the slices."""
        return SeptumFrame(math.radians(self.septum_deg), self.septum_turn)

    @property
    def thickening_percent(self) -> float | None:
        """Mean of the segments; None where none is seen."""
        seen = [one.percent for one in self.thickening if one.percent is not None]
        return sum(seen) / len(seen) if seen else None


def subject_metrics(
    result: CineResult,
    *,
    times_ms: Sequence[float] | None,
    septum: SeptumFrame,
    septum_from: Literal["given", "assumed"],
    reference: Reference | None,
    seconds: float,
    warnings: Sequence[str] = (),
) -> SubjectMetrics:
    """Gather what is said of a subject.

    Args:
        result: What was found.
        times_ms: Time of each frame; None where unknown.
        septum: Directions of the heart in the slices.
        septum_from: Whether they were given.
        reference: Comparison with labels, where there are some.
        seconds: Time of the work.
        warnings: Sentences; each asks for a review.
    """
    numbers: dict[str, float | None] = {}
    for name in VOLUMES:
        one = getattr(result, name)
        numbers |= dict(zip((name, f"{name}_low", f"{name}_high", f"{name}_regressed"), _ends(one), strict=True))
    segments = result.lv_thickening_percent if result.slices > 1 else ()
    reasons = tuple(dict.fromkeys((*result.reasons, *warnings)))
    lost = result.ed_frame is None
    return SubjectMetrics(
        **numbers,
        intervals_calibrated_on=result.calibrated,
        thickening=tuple(
            SegmentThickening(
                n, AHA_SEGMENTS[n - 1], *((one.value, one.low, one.high, one.regressed) if one else (None,) * 4)
            )
            for n, one in enumerate(segments, start=1)
        ),
        slices=result.slices,
        slices_with_cavity=result.slices_with_cavity,
        frames=result.frames,
        beat_ms=result.beat_ms,
        times_ms=None if times_ms is None else tuple(float(t) for t in times_ms),
        ed_frame=result.ed_frame,
        es_frame=result.es_frame,
        volume_ml=result.volume_ml,
        systole=result.systole,
        systole_chance=result.systole_chance,
        disagreement=result.disagreement,
        septum=septum_from,
        septum_deg=round(math.degrees(septum.septum_rad), 3),
        septum_turn=septum.turn,
        network_sha256=result.network_sha256,
        reference=reference,
        seconds=seconds,
        warnings=tuple(warnings),
        qc=Verdict("fail" if lost else "review" if reasons else "pass", reasons),
    )


def _ends(one: Quantity | None) -> tuple[float | None, float | None, float | None, float | None]:
    return (one.value, one.low, one.high, one.regressed) if one else (None, None, None, None)


def metrics_json(metrics: SubjectMetrics) -> str:
    """The text of `metrics.json`."""
    return json.dumps(asdict(metrics), indent=1, allow_nan=False) + "\n"


def read_metrics(content: Mapping[str, Any]) -> SubjectMetrics:
    """The typed object of a `metrics.json` that was parsed.

    Raises:
        InputError: If keys or values are those of another version.
    """
    rule = "what this version of cardioscar writes"
    try:
        return from_mapping(SubjectMetrics, content, where="metrics.json", foreign=True)
    except ConfigError as error:
        raise InputError("metrics.json", rule, f"another's ({error})") from None
    except (TypeError, AttributeError):
        raise InputError("metrics.json", rule, "another's: keys are missing") from None


def flat_metrics(metrics: SubjectMetrics) -> dict[str, float | None]:
    """Numbers by the names of the cohort's columns; None where one is undefined."""
    flat: dict[str, float | None] = {
        f"{name}{end}": getattr(metrics, f"{name}{end}") for name in VOLUMES for end in ("", "_low", "_high")
    }
    reference = metrics.reference
    error = None
    if reference and reference.ef_percent is not None and metrics.lv_ef_percent is not None:
        error = metrics.lv_ef_percent - reference.ef_percent
    apart = metrics.disagreement
    return flat | {
        "thickening_percent": metrics.thickening_percent,
        "disagreement_areas_percent": apart.areas_percent,
        "disagreement_thickness_mm": apart.thickness_mm,
        "disagreement_phase_percent": apart.phase_percent,
        "cavity_dice_ed": reference.cavity_dice_ed if reference else None,
        "cavity_dice_es": reference.cavity_dice_es if reference else None,
        "ef_error_points": error,
        "slices_with_cavity": float(metrics.slices_with_cavity),
        "frames": float(metrics.frames),
        "seconds": metrics.seconds,
    }
