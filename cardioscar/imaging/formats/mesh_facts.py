"""What a mesh file with results says of itself as field data, and units of the arrays of a map.

Numbers alone: VTK writes texts among field data in a way that meshio, and with it many solvers' tools, refuses to read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from cardioscar import __version__

if TYPE_CHECKING:
    import pyvista as pv

    Grid = TypeVar("Grid", bound=pv.DataSet)

UNITS: dict[str, tuple[str, str]] = {
    "apicobasal": ("1", "0 at the apex to 1 at the base"),
    "transmural": ("1", "0 at the endocardium to 1 at the epicardium"),
    "rotational": ("rad", "0 at the middle of the septum, positive towards the anterior wall"),
    "aha_segment": ("1", "AHA segment, 1 to 17"),
    "scar_probability": ("1", "probability of scar, 0 to 1"),
    "scar_uncertainty": ("1", "standard deviation of scar_probability"),
    "scar_uncertainty_dropout": ("1", "standard deviation over MC-Dropout samples"),
    "scar_binary": ("1", "0 living, 1 scar"),
    "scar_certainty": ("1", "0 no scar, 1 possible, 2 uncertain, 3 likely"),
    "border_zone": ("1", "1 in the border zone by signal of the image, else 0"),
    "scar_transmurality": ("1", "share of the depth of the wall that is scar"),
    "channel": ("1", "id of the conducting channel, 0 none"),
    "channel_open_probability": ("1", "share of draws in which the channel is open"),
}
"""Unit and meaning of point data."""


def with_facts(grid: Grid, subject: str = "") -> Grid:
    """The data set with field data, which ParaView shows under Information.

    Args:
        grid: Its arrays are shared with what is returned.
        subject: Pseudonym, where there is one.

    Returns:
        The same with `length_unit_m` (0.001: coordinates are millimetres, LPS), `cardioscar_version` (three numbers)
        and, where there is a pseudonym, `subject_utf8` (its bytes).

    >>> import pyvista as pv
    >>> with_facts(pv.Sphere(), "S001").field_data["subject_utf8"].tobytes().decode()
    'S001'
    """
    told = grid.copy(deep=False)
    told.field_data["length_unit_m"] = np.array([0.001])
    told.field_data["cardioscar_version"] = np.array([int(n) for n in re.findall(r"[0-9]+", __version__)[:3]])
    if subject:
        told.field_data["subject_utf8"] = np.frombuffer(subject.encode(), dtype=np.uint8).copy()
    return told
