"""Function of the left ventricle where a reader has labelled the cine: his labels count, and no network is asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.stages.study.modality import Modality, plain
from cardioscar.stages.study.settings import StudySettings

LABELS = "cine_labels.nii.gz"
"""Name of the labels in the artifact."""
_FEWEST_SLICES = 3
"""Of volumes that are summed: fewer slices are no stack."""


def drawn_function(
    name: str,
    files: Mapping[str, Path],
    settings: StudySettings,
    out: Path,
    *,
    table: str,
    trust: HeaderTrust,
) -> Modality:
    """Measure labels by the rules of the quantification, and keep them.

    Args:
        name: Of the modality.
        files: `cine_labels`, and `cine` where it is there.
        settings: Of the patient.
        out: The patient's folder.
        table: Label table.
        trust: Which statement of a header counts.

    Raises:
        InputError: If the labels cannot be read, do not fit the cine, or show no cavity in two frames.
    """
    from cardioscar.imaging.formats.cine_files import read_cine, read_cine_labels, write_cine
    from cardioscar.lvquant.cine_indices import cine_indices
    from cardioscar.lvquant.sectors import septum_frame
    from cardioscar.lvquant.volumes import stack_volumes

    cine = read_cine(files["cine"], trust) if "cine" in files else None
    labels = read_cine_labels(files["cine_labels"], cine, table, trust)
    given = settings.septum_direction
    septum = septum_frame(labels.grid, septum_direction=None if given is None else np.array(given), where=labels.source)
    volumes = stack_volumes(cine_indices(labels, septum=septum), where=labels.source)
    write_cine(out / LABELS, labels)
    reasons = []
    if labels.slices < _FEWEST_SLICES:
        reasons.append(f"volumes of {labels.slices} slices")
    times: list[float] | None = None if labels.times_ms is None else labels.times_ms.tolist()
    numbers: dict[str, Any] = {
        "lv_edv_ml": volumes.edv_ml,
        "lv_esv_ml": volumes.esv_ml,
        "lv_sv_ml": volumes.stroke_ml,
        "lv_ef_percent": volumes.ef_percent,
        "lv_mass_g": volumes.mass_g,
    }
    return Modality(
        name,
        "used",
        source="cine, labelled by a reader",
        verdict="review" if reasons else "pass",
        reasons=tuple(reasons),
        numbers=plain(numbers),
        facts={"ed_frame": volumes.ed_frame, "times_ms": times},
    )
