"""From a segmentation to the data that its report shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cardioscar import __version__
from cardioscar.config import as_mapping, config_sha256, file_sha256
from cardioscar.imaging.labels import WALL, Label
from cardioscar.lge.result import SegmentMetrics
from cardioscar.report.lge.slices import SegmentedSlice
from cardioscar.report.lge.subject import SegmentReport, write_segment_report
from cardioscar.shard.loop import Work

if TYPE_CHECKING:
    from cardioscar.lge.summary import Evidence


def write_report(
    job: Work,
    of: Evidence,
    metrics: SegmentMetrics,
    files: Mapping[str, Path],
    config: Any,
    *,
    figures: bool,
    septum_given: bool = False,
) -> None:
    """Write `report.html` and `figures/` into the subject's folder.

    Args:
        job: The subject's work.
        of: What was measured.
        metrics: Content of `metrics.json`.
        files: The subject's files.
        config: Settings of the stage, which are shown.
        figures: Draw the pictures; without them the page holds the numbers.
        septum_given: Whether the subject's settings say where the septum lies.
    """
    write_segment_report(
        job.out,
        SegmentReport(
            metrics=metrics,
            slices=slices_of(of) if figures else (),
            version=__version__,
            config=as_mapping(config),
            config_sha256=config_sha256(config),
            inputs={name: file_sha256(path) for name, path in files.items()},
            figures=figures,
            septum_given=septum_given,
        ),
    )


def slices_of(of: Evidence) -> tuple[SegmentedSlice, ...]:
    """Each slice with a heart, found or of the reference, and those that should have one."""
    found, image = of.found, of.found.grid.image
    numbers = image.slice_numbers or tuple(range(found.labels.shape[2]))
    by_rule = {one.rule: one.labels for one in of.thresholds if one.labels is not None}
    shown = []
    for k, number in enumerate(numbers):
        labels = found.labels[..., k]
        doubt = of.doubt[k]
        reference = None if of.reference is None else of.reference[..., k]
        if not (labels.any() or doubt.look or (reference is not None and reference.any())):
            continue
        shown.append(
            SegmentedSlice(
                number=int(number),
                image=np.asarray(image.values[..., k], dtype=np.float32),
                wall=np.isin(labels, WALL),
                cavity=labels == Label.BLOOD_POOL,
                scar=labels == Label.SCAR,
                probability=found.probability[Label.SCAR, ..., k],
                doubt=1 - found.probability[..., k].max(axis=0),
                pixel_mm=(float(image.spacing_mm[0]), float(image.spacing_mm[1])),
                fwhm=by_rule["fwhm"][..., k] == Label.SCAR if "fwhm" in by_rule else None,
                reference=reference,
                reasons=doubt.reasons,
            )
        )
    return tuple(shown)
