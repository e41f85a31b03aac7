"""What is found of a subject's activation: content of `metrics.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from cardioscar.activation.mapping.on_mesh import MappedWall
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.resampling import resample_sectors
from cardioscar.activation.strain.sector_class import SectorClass
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.activation.strain.sectors import SEGMENTS
from cardioscar.config import from_mapping
from cardioscar.imaging.coordinates.aha import AHA_SEGMENTS

FORMAT = "cardioscar activation 1"
_EARLIEST = 0.1


@dataclass(frozen=True)
class SegmentFindings:
    """A sixth of a slice."""

    tos_ms: float
    """Mean onset of shortening, ms after the R wave."""
    low_ms: float
    """Mean of the lower ends of its intervals."""
    high_ms: float
    """Mean of the upper ends."""
    peak_strain: float
    """Least value of the mean circumferential strain, a fraction, negative where it shortens."""
    late_fraction: float
    """Share of its sectors that are late and free of scar, 0 to 1."""
    scarred_fraction: float
    """Share of its sectors that are scarred, 0 to 1."""


@dataclass(frozen=True)
class SliceFindings:
    """A slice."""

    number: int
    """From 1."""
    location_mm: float | None
    """Along the long axis, growing towards the base; null where it is not known."""
    height: float | None
    """0 at the apex to 1 at the base; null where there is no map."""
    sectors: int
    """Number of sectors."""
    frames: int
    """Number of frames."""
    first_ms: float
    """Time of the first frame: no onset is told before it."""
    last_ms: float
    """Time of the last frame."""
    peak_strain: float
    """Least value of the mean circumferential strain of the slice."""
    peak_ms: float
    """When it is reached."""
    tos_ms: float
    """Mean onset."""
    earliest_ms: float
    """Onset that a tenth of its sectors are before."""
    latest_ms: float
    """Onset that a tenth of its sectors are after."""
    half_width_ms: float
    """Median half width of the intervals."""
    late_fraction: float
    """Share of its sectors that are late and free of scar."""
    scarred_fraction: float
    """Share of its sectors that are scarred."""
    at_floor_fraction: float
    """Share of its sectors whose onset is the first frame's time."""
    segments: dict[str, SegmentFindings]
    """Sixths of the circumference by name."""


@dataclass(frozen=True)
class MapFindings:
    """The map over the wall."""

    placed_by: str
    """What the heights of the slices rest on: `scanner frame`, `axes`, `locations` or `assumed`."""
    usual_wall: bool
    """Whether the wall is one of usual form, because there was no mesh."""
    length_mm: float
    """From apex to base."""
    median_sd_ms: float
    """Median standard deviation of the onset over the wall."""
    far_fraction: float
    """Share of the wall's volume further than 15 mm from a slice."""
    segments: dict[str, dict[str, float]]
    """Mean onset (`tos_ms`) and its standard deviation (`sd_ms`) by AHA segment, 1 to 17."""


@dataclass(frozen=True)
class Verdict:
    """Whether the result can be relied on."""

    verdict: str
    """`pass`, `review` (somebody should look) or `fail`."""
    reasons: tuple[str, ...] = ()
    """What it rests on, in sentences."""


@dataclass(frozen=True)
class ActivationFindings:
    """All of a subject."""

    subject: str
    """Id."""
    onsets_by: str
    """`network`, or `person` where a table of onsets was given."""
    network_sha256: str
    """Hash that names the networks; empty where a person gave the onsets."""
    level: float
    """Share of onsets that lie within their interval on phantoms."""
    slices: tuple[SliceFindings, ...]
    """From apex to base."""
    tos_ms: float
    """Mean onset of all sectors."""
    earliest_ms: float
    """Onset that a tenth of all sectors are before."""
    latest_ms: float
    """Onset that a tenth of all sectors are after."""
    dispersion_ms: float
    """Standard deviation of the onsets of all sectors."""
    half_width_ms: float
    """Median half width of the intervals."""
    late_fraction: float
    """Share of all sectors that are late and free of scar, 0 to 1."""
    scarred_fraction: float
    """Share of all sectors that are scarred, 0 to 1."""
    peak_strain: float
    """Mean over slices of their peak strain."""
    latest_segment: str
    """Segment of the latest mean onset among those that are not mostly scar; empty where all are."""
    map: MapFindings | None = None
    """The map; null where none can be made."""
    no_map: str = ""
    """Why there is no map."""
    warnings: tuple[dict[str, str], ...] = ()
    """What stages warned of: `stage` and `warning`."""
    qc: Verdict = field(default_factory=lambda: Verdict("pass"))
    """Verdict."""


def slice_findings(number: int, one: StrainSlice, onsets: SectorOnsets, height: float | None) -> SliceFindings:
    """What is found of a slice.

    Args:
        number: From 1.
        one: Its strain.
        onsets: Its onsets, in any number of sectors.
        height: Its height in the ventricle, where that is known.
    """
    onsets = onsets.with_sectors(one.sectors)
    mean = one.circumferential.mean(axis=0)
    strain = resample_sectors(one.circumferential, len(SEGMENTS))
    late, scarred = (onsets.classes == kind for kind in (SectorClass.LATE, SectorClass.SCARRED))
    by_segment = {
        name: resample_sectors(values.astype(np.float64), len(SEGMENTS))
        for name, values in {
            "tos_ms": onsets.tos_ms,
            "low_ms": onsets.low_ms,
            "high_ms": onsets.high_ms,
            "late_fraction": late,
            "scarred_fraction": scarred,
        }.items()
    }
    segments = {
        name: SegmentFindings(
            **{key: _rounded(values[place]) for key, values in by_segment.items()},
            peak_strain=_rounded(strain[place].min(), 4),
        )
        for place, name in enumerate(SEGMENTS)
    }
    return SliceFindings(
        number=number,
        location_mm=None if one.location_mm is None else _rounded(one.location_mm),
        height=None if height is None else _rounded(height, 3),
        sectors=one.sectors,
        frames=one.frames,
        first_ms=_rounded(one.frame_ms[0]),
        last_ms=_rounded(one.frame_ms[-1]),
        peak_strain=_rounded(mean.min(), 4),
        peak_ms=_rounded(one.frame_ms[mean.argmin()]),
        tos_ms=_rounded(onsets.tos_ms.mean()),
        earliest_ms=_rounded(np.quantile(onsets.tos_ms, _EARLIEST)),
        latest_ms=_rounded(np.quantile(onsets.tos_ms, 1 - _EARLIEST)),
        half_width_ms=_rounded(np.median(onsets.high_ms - onsets.low_ms) / 2),
        late_fraction=_rounded(late.mean(), 4),
        scarred_fraction=_rounded(scarred.mean(), 4),
        at_floor_fraction=_rounded((onsets.tos_ms <= one.frame_ms[0] + 0.05).mean(), 4),
        segments=segments,
    )


def map_findings(wall: MappedWall, far_mm: float = 15.0) -> MapFindings:
    """What is found of a map.

    Args:
        wall: The wall with its activation.
        far_mm: Distance from which on a place is far from a slice.
    """
    at, volumes = wall.coordinates, wall.mesh.node_volumes_ml
    sd_ms = wall.found.sd_ms(at.apicobasal, at.rotational)
    far = wall.found.distance_mm(at.apicobasal) > far_mm
    return MapFindings(
        placed_by=wall.placed.how,
        usual_wall=wall.usual,
        length_mm=_rounded(wall.found.length_mm),
        median_sd_ms=_rounded(np.median(sd_ms)),
        far_fraction=_rounded(volumes[far].sum() / max(float(volumes.sum()), 1e-12), 4),
        segments={
            str(segment): {"tos_ms": _rounded(mean), "sd_ms": _rounded(sd)}
            for segment, (mean, sd) in wall.by_segment().items()
        },
    )


def gathered_findings(
    subject: str,
    slices: Sequence[StrainSlice],
    onsets: Sequence[SectorOnsets],
    wall: MappedWall | None,
    **said: Any,
) -> ActivationFindings:
    """All findings of a subject, without a verdict.

    Args:
        subject: Id.
        slices: Strain, from apex to base.
        onsets: Of each slice.
        wall: The map; None where none can be made.
        said: Fields that are known beside: `onsets_by`, `network_sha256`, `level`, `no_map`, `warnings`.
    """
    heights = [None] * len(slices) if wall is None else wall.placed.heights.tolist()
    rows = tuple(
        slice_findings(number, one, onset, height)
        for number, (one, onset, height) in enumerate(zip(slices, onsets, heights, strict=True), start=1)
    )
    times = np.concatenate([one.tos_ms for one in onsets])
    half = np.concatenate([(one.high_ms - one.low_ms) / 2 for one in onsets])
    found = None if wall is None else map_findings(wall)
    return ActivationFindings(
        subject=subject,
        slices=rows,
        tos_ms=_rounded(times.mean()),
        earliest_ms=_rounded(np.quantile(times, _EARLIEST)),
        latest_ms=_rounded(np.quantile(times, 1 - _EARLIEST)),
        dispersion_ms=_rounded(times.std()),
        half_width_ms=_rounded(np.median(half)),
        late_fraction=_rounded(np.mean([row.late_fraction for row in rows]), 4),
        scarred_fraction=_rounded(np.mean([row.scarred_fraction for row in rows]), 4),
        peak_strain=_rounded(np.mean([row.peak_strain for row in rows]), 4),
        latest_segment=_latest(rows, found),
        map=found,
        **said,
    )


def metrics_json(found: ActivationFindings) -> str:
    """Text of `metrics.json`."""
    return json.dumps({"format": FORMAT, **asdict(found)}, indent=1, allow_nan=False) + "\n"


def read_findings(content: Mapping[str, Any]) -> ActivationFindings:
    """Content of a `metrics.json` as its type.

    Raises:
        ConfigError: If it is of another form.
    """
    plain = {key: value for key, value in content.items() if key != "format"}
    return from_mapping(ActivationFindings, plain, where="metrics.json", foreign=True)


def _latest(rows: Sequence[SliceFindings], found: MapFindings | None) -> str:
    """Name of the latest segment that is not mostly scar."""
    living = {name: np.mean([row.segments[name].scarred_fraction for row in rows]) <= 0.5 for name in SEGMENTS}
    if found is None:
        means = {name: np.mean([row.segments[name].tos_ms for row in rows]) for name in SEGMENTS if living[name]}
        return max(means, key=lambda name: float(means[name])) if means else ""
    names = {int(segment): AHA_SEGMENTS[int(segment) - 1] for segment in found.segments}
    kept = {
        name: found.segments[str(segment)]["tos_ms"]
        for segment, name in names.items()
        if segment != 17 and living.get(name.split(" ")[1], True)
    }
    return max(kept, key=lambda name: kept[name]) if kept else ""


def _rounded(value: Any, digits: int = 1) -> float:
    return round(float(value), digits)
