"""The 17 segments of the left ventricle [@cerqueira2002]."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from cardioscar.imaging.coordinates.lv_coordinates import LVCoordinates

AHA_SEGMENTS: tuple[str, ...] = (
    "basal anterior",
    "basal anteroseptal",
    "basal inferoseptal",
    "basal inferior",
    "basal inferolateral",
    "basal anterolateral",
    "mid anterior",
    "mid anteroseptal",
    "mid inferoseptal",
    "mid inferior",
    "mid inferolateral",
    "mid anterolateral",
    "apical anterior",
    "apical septal",
    "apical inferior",
    "apical lateral",
    "apex",
)
"""Name of segment n at index n - 1."""

# Segments in the order of their angle from -180°: six of 60° at base and mid level, four of 90° from -135° at
# the apex.
SIXTHS = np.array([5, 4, 3, 2, 1, 6])
QUARTERS = np.array([15, 14, 13, 16])


def aha_segments(coords: LVCoordinates) -> Int[np.ndarray, " nodes"]:
    """Assign each node to its AHA segment.

    Basal, mid and apical thirds are thirds of the length of the cavity. Segment 17 is the wall beyond the
    apical end of the cavity, so where the apex is cut off there is none.

    Args:
        coords: Coordinates of the nodes.

    Returns:
        Segment of each node, 1 to 17.
    """
    along = (coords.apicobasal - coords.cavity_apex) / max(1 - coords.cavity_apex, 1e-9)
    segments = segments_at(along, coords.rotational)
    return np.where((along < 0) & coords.apex_closed, 17, segments)


def segments_at(
    along: Float[np.ndarray, " points"], rotational: Float[np.ndarray, " points"]
) -> Int[np.ndarray, " points"]:
    """Segment of places beside the cavity.

    Args:
        along: 0 where the cavity ends at the apex to 1 at the base.
        rotational: Angle about the long axis in radians: 0 at the middle of the septum, positive towards anterior.

    Returns:
        1 to 16.

    >>> segments_at(np.array([0.9, 0.5, 0.1]), np.radians([90, 30, 0]))
    array([ 1,  8, 14])
    """
    degrees = np.degrees(rotational)
    sixth = SIXTHS[np.floor((degrees + 180) / 60).astype(int) % 6]
    quarter = QUARTERS[np.floor((degrees + 135) / 90).astype(int) % 4]
    return np.asarray(np.where(along >= 2 / 3, sixth, np.where(along >= 1 / 3, sixth + 6, quarter)))
