"""Names of the arrays of a mesh: those of our own results, and those that an input's arrays may keep.

A name can be a person's, and results are passed on: an array whose name is no word of the vocabulary is called
`array_1`, `array_2`, ….
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

log = logging.getLogger(__name__)

RESULTS: dict[str, Literal["linear", "nearest"]] = {
    "apicobasal": "linear",
    "transmural": "linear",
    "rotational": "nearest",  # an angle, which jumps
    "aha_segment": "nearest",
    "scar_probability": "linear",
    "scar_uncertainty": "linear",
    "scar_uncertainty_dropout": "linear",
    "scar_binary": "nearest",
    "scar_certainty": "nearest",
    "border_zone": "nearest",
    "scar_transmurality": "linear",
    "channel": "nearest",
    "channel_open_probability": "nearest",
    "tos_ms": "linear",
    "tos_sd_ms": "linear",
    "slice_distance_mm": "linear",
    "lateness_ms": "linear",
    "score_ms": "linear",
    "site_allowed": "nearest",
    "site_rank": "nearest",
}
"""Point data that the stages write, and how each passes to nodes between others. What an input brings under such a
name, or under one that begins as these do, is no result."""

_OURS = re.compile(r"(?:scar|channel)[_.: -]|(?:" + "|".join(RESULTS) + r")$", re.IGNORECASE)

TAG_NAMES = (
    *("elemtag", "elementtag", "tag", "tags", "celltag", "region", "regions", "regionid", "regionids", "regiontag"),
    *("material", "materials", "materialid", "materialids", "mat", "matid", "cellentityids", "gmshphysical"),
    *("meditref", "physical", "physicalid", "physicalids", "part", "partid", "label", "labels", "attribute", "domain"),
)
"""Names of cell arrays that tell regions apart, in the order in which they are looked for; in small letters without
separators."""

_VOCABULARY = frozenset(
    {*TAG_NAMES, "domainid", "subdomain", "subdomainid", "partition", "compartment", "cavity", "surface", "surfaceid"}
    | {"globalnodeid", "globalnodeids", "globalelementid", "globalelementids", "globalpointids", "globalcellids"}
    | {"nodeid", "nodeids", "elementid", "elementids", "pointid", "pointids", "cellid", "cellids", "id", "ids", "index"}
    | {
        "vtkoriginalpointids",
        "vtkoriginalcellids",
        "originalpointids",
        "originalcellids",
        "objectid",
        "gmshgeometrical",
    }
    | {
        "fiber",
        "fibers",
        "fibre",
        "fibres",
        "fiberdirection",
        "sheet",
        "sheets",
        "sheetnormal",
        "sheetnormals",
        "normal",
    }
    | {"normals", "crossfiber", "f", "s", "n", "fiberangle", "helixangle", "transverseangle", "sheetangle"}
    | {
        "uvcz",
        "uvcphi",
        "uvcrho",
        "uvcv",
        "uvcven",
        "uvcrt",
        "ab",
        "rt",
        "rtsin",
        "rtcos",
        "tm",
        "tv",
        "aha",
        "ahasegments",
    }
    | {"apexbase", "apextobase", "endoepi", "lvrv", "laplace", "potential", "longitudinal", "circumferential", "radial"}
    | {"distance", "thickness", "wallthickness", "depth", "curvature", "area", "volume", "quality", "scaledjacobian"}
    | {"activation", "activationtime", "lat", "repolarization", "vm", "voltage", "unipolar", "bipolar", "conductivity"}
    | {"apd", "cv", "stress", "strain", "displacement", "velocity", "pressure", "scalars", "vectors", "value", "values"}
    | {"intensity", "signal", "lge", "mask", "scar", "fibrosis", "borderzone", "core", "zone", "segment"}
    | {"segments", "class", "array", "data"}
)


def plain(name: str) -> str:
    """A name in small letters without separators, and without a number of one or two digits at its end.

    >>> plain("elemTag"), plain("gmsh:physical"), plain("uvc_rho"), plain("fiber_2")
    ('elemtag', 'gmshphysical', 'uvcrho', 'fiber')
    """
    return re.sub(r"[^a-z0-9]", "", re.sub(r"(?<=[A-Za-z])[_.: -]?[0-9]{1,2}$", "", name).lower())


def may_be_passed_on(name: str) -> bool:
    """Whether the name of an array is a word of the vocabulary, so that it names nobody.

    >>> may_be_passed_on("elemTag"), may_be_passed_on("jane_doe"), may_be_passed_on("tag_00482913")
    (True, False, False)
    """
    return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_.: -]{0,31}", name, re.ASCII)) and plain(name) in _VOCABULARY


def put_result(data: Any, name: str, values: np.ndarray) -> None:
    """Write a result into point data.

    Raises:
        KeyError: If the name is not one of `RESULTS`, so that no input array of that name would be taken out.
    """
    if name not in RESULTS:
        raise KeyError(name)
    data[name] = values


def clean_arrays(grid: Any, *, source: str = "mesh") -> None:
    """Leave of an input mesh only arrays of numbers that no result is mistaken for, under names that name nobody.

    The data of the file as a whole (field data) go, text goes, ghost marks go, arrays under names of our results go,
    and arrays with other unknown names get a number for a name.

    Args:
        grid: Unstructured grid; changed in place.
        source: File name, for the log.
    """
    grid.clear_field_data()
    for data in (grid.point_data, grid.cell_data):
        ours = [name for name in data if _OURS.match(name)]
        if ours:
            # our own words or not: what follows scar_ may be anything
            known = sorted({name.lower() for name in ours} & set(RESULTS))
            said = ", ".join(known) if len(known) == len(ours) else f"{len(ours)} arrays"
            log.info("%s: values that it brings under names of our results are left out: %s", source, said)
        text = [name for name in data if not np.issubdtype(np.asarray(data[name]).dtype, np.number)]
        for name in {*ours, *text, *({"vtkGhostType"} & set(data))}:
            del data[name]
        _rename(data, [name for name in data if not may_be_passed_on(name)])


def _rename(data: Any, names: Iterable[str]) -> None:
    taken, number = set(data), 0
    for name in names:
        values = data.pop(name)
        number += 1
        while f"array_{number}" in taken:
            number += 1
        data[f"array_{number}"] = values
