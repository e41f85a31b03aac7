"""Labels of a cine from end-diastole on, with the times of their frames: what the strain of contours is told by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardioscar.stages.study.modality import read_modality
from cardioscar.stages.study.settings import StudySettings

if TYPE_CHECKING:
    from cardioscar.imaging.cine import Cine


def contour_labels(path: Path, function: Path, settings: StudySettings, out: Path) -> tuple[Cine, np.ndarray]:
    """Read labels, let them begin at end-diastole, and write them.

    Args:
        path: Labels of `study_function`.
        function: The patient's folder of that stage.
        settings: Of the patient, which may state the length of the beat.
        out: `.nii.gz` to write.

    Returns:
        The labels, and the time of each frame in ms after end-diastole.

    Raises:
        InputError: If nobody states the times of the frames.
    """
    from cardioscar.imaging.formats.cine_files import read_cine_labels, write_cine

    facts = read_modality(function).facts
    labels = read_cine_labels(path, None)
    times = None
    if facts.get("times_ms") is not None:
        times = labels.times_ms
    elif settings.beat_ms is not None:
        times = np.arange(labels.frames) * settings.beat_ms / labels.frames
    frame_ms = settings.strain.times(times, labels.frames, where="cine")
    values = np.roll(labels.values, -int(facts.get("ed_frame") or 0), axis=-1)
    labels = replace(labels, values=values)
    write_cine(out, labels)
    return labels, frame_ms - frame_ms[0]
