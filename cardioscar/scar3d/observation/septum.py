"""Where the septum is known from: on it rest the names of the AHA segments."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from cardioscar.imaging.formats.scanner_frame import has_scanner_frame
from cardioscar.imaging.slices import SliceStack

log = logging.getLogger(__name__)

Source = Literal["given", "mesh", "guessed", "unknown"]
"""`given`: in `subject.yaml`. `mesh`: read off the mesh. `guessed`: taken to lie where it does in most patients, from
the axes of the scanner. `unknown`: there are no segments."""

SOURCES: Mapping[str, Source] = {"given": "given", "mesh": "mesh", "scanner axes": "guessed"}
"""By the `orientation` of LV coordinates."""

GUESSED = (
    "the septum is a guess from the scanner's axes, so AHA segments may bear wrong names; give septum_direction in "
    "subject.yaml"
)
ARBITRARY = (
    "the file has no scanner frame, so the names of AHA segments are arbitrary; give septum_direction in subject.yaml"
)


def septum_facts(orientation: Mapping[str, Any], stack: SliceStack) -> dict[str, Any]:
    """What `preprocess.json` says of the septum; warns where it is not known.

    Args:
        orientation: `orientation` of the LV coordinates, and `long_axis` or None.
        stack: All slices with the frames that their file states.

    Returns:
        `source` (see `Source`) and `scanner_frame`, whether the slices lie in the frame of a scanner.
    """
    source: Source = SOURCES.get(str(orientation["orientation"]), "unknown")
    axis = orientation["long_axis"]
    framed = has_scanner_frame(stack, long_axis=None if axis is None else np.array(axis))
    if source == "guessed":
        log.warning("%s", GUESSED if framed else ARBITRARY)
    return {"source": source, "scanner_frame": framed}
