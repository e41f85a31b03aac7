"""From a quantified cine to the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar import __version__
from cardioscar.config import as_mapping, config_sha256, file_sha256
from cardioscar.lvquant.inference.quantify import QuantifiedCine
from cardioscar.lvquant.subject_metrics import SubjectMetrics
from cardioscar.report.lvquant.subject import CineReport, write_cine_report
from cardioscar.report.lvquant.views import CineViews, Indices
from cardioscar.shard.loop import Work
from cardioscar.stages.lvquant.subject_cine import SubjectCine


def write_report(
    job: Work,
    given: SubjectCine,
    found: QuantifiedCine,
    metrics: SubjectMetrics,
    files: Mapping[str, Path],
    config: Any,
    *,
    figures: bool,
) -> None:
    """Write `report.html` and `figures/` into the subject's folder.

    Args:
        job: The subject's work.
        given: Its cine.
        found: What was found in it.
        metrics: Content of `metrics.json`.
        files: The subject's own files by role.
        config: Settings of the stage.
        figures: Draw the pictures; without them the page holds the numbers.
    """
    report = CineReport(
        subject=job.subject,
        metrics=metrics,
        views=_views(given, found) if figures else None,
        version=__version__,
        config=as_mapping(config),
        config_sha256=config_sha256(config),
        inputs={name: file_sha256(path) for name, path in files.items()},
    )
    write_cine_report(job.out, report)


def _views(given: SubjectCine, found: QuantifiedCine) -> CineViews:
    cine, measured, regressed = given.cine, found.measured, found.regressed
    areas = np.stack([measured.cavity_mm2, measured.myocardium_mm2], axis=-1)
    return CineViews(
        images=cine.values,
        labels=found.labels.values,
        pixel_mm=(float(cine.pixel_mm[0]), float(cine.pixel_mm[1])),
        distance_mm=cine.distance_mm,
        slice_numbers=cine.slice_numbers or tuple(range(cine.slices)),
        times_ms=cine.times_ms,
        ed_frame=found.result.ed_frame,
        es_frame=found.result.es_frame,
        measured=Indices(areas, measured.dimensions_mm, measured.thickness_mm),
        regressed=Indices(regressed.areas_mm2, regressed.dimensions_mm, regressed.thickness_mm),
        reference=given.reference.labels.values if given.reference else None,
    )
