"""A subject's cine at the door: read, with labels that came with it, and the directions of the heart."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from cardioscar.errors import GeometryError, InputError
from cardioscar.imaging.cine import Cine
from cardioscar.imaging.formats.cine_files import read_cine, read_cine_labels
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.formats.lvquan_mat import read_lvquan
from cardioscar.lvquant.label_doubts import label_doubts
from cardioscar.lvquant.reference import MeasuredReference, measured_reference
from cardioscar.lvquant.sectors import SeptumFrame, septum_frame
from cardioscar.lvquant.subject_settings import SETTINGS, CineSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SubjectCine:
    """What is known of a subject before the network is asked.

    Attributes:
        cine: The cine, with the times that file or settings state.
        reference: Labels that came with it, measured; None where there are none.
        septum: Directions of the heart in its slices.
        septum_from: Whether the settings state them.
    """

    cine: Cine
    reference: MeasuredReference | None
    septum: SeptumFrame
    septum_from: Literal["given", "assumed"]


def read_subject_cine(
    files: Mapping[str, Path], settings: CineSettings, *, label_table: str, trust: HeaderTrust
) -> SubjectCine:
    """Read a subject; what is doubtful about its labels is warned of, and those that cannot be used are left out.

    Args:
        files: Path of `cine`, and of `labels` where there are some.
        settings: What `subject.yaml` says.
        label_table: Convention of the labels.
        trust: Which statement of a header counts.

    Raises:
        InputError: As `read_cine` and `read_lvquan` say.
        GeometryError: Likewise, or if the septum lies along the slices' normal.
    """
    cine, labels = _read(files, label_table, trust)
    if cine.times_ms is None and settings.beat_ms is not None:
        cine = replace(cine, times_ms=np.arange(cine.frames) * settings.beat_ms / cine.frames)
    given = settings.septum_direction
    septum = septum_frame(
        cine.grid,
        septum_direction=None if given is None else np.array(given),
        apex_to_base=None if settings.apex_to_base is None else np.array(settings.apex_to_base),
        where=SETTINGS if given is not None else cine.source,
    )
    reference = None
    if labels is not None:
        for doubt in label_doubts(labels):
            log.warning(doubt)
        reference = measured_reference(labels, septum)
        if reference is None:
            log.warning("%s holds no cavity in any frame: there is nothing to compare with", labels.source)
    return SubjectCine(cine, reference, septum, "assumed" if given is None else "given")


def _read(files: Mapping[str, Path], label_table: str, trust: HeaderTrust) -> tuple[Cine, Cine | None]:
    path = files["cine"]
    cine, labels = None, None
    if path.suffix.lower() == ".mat":
        subject = read_lvquan(path, needs="images")
        cine, labels = subject.cine, subject.labels
    else:
        cine = read_cine(path, trust)
    if "labels" in files:
        try:
            labels = read_cine_labels(files["labels"], cine, label_table, trust)
        except (InputError, GeometryError) as error:  # it is only compared with: the cine has its results without it
            log.warning("nothing to compare with: %s", error)
            labels = None
    return cine, labels
