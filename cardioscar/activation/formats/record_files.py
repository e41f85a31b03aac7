"""Lists of records, one for each slice, as programs of the field store strain and times of onset (`.npy`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.activation.formats.given import Given
from cardioscar.activation.formats.scar_rows import scarred_sectors
from cardioscar.activation.formats.stored_objects import read_objects
from cardioscar.activation.strain.checks import check_matrix
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.resampling import resample_sectors
from cardioscar.errors import InputError

log = logging.getLogger(__name__)

_MOST_RECORDS = 10_000


def read_records(
    path: Path, given: Given = Given(), *, scar: Mapping[str, Set[int]] | None = None
) -> list[StrainSlice]:
    """Read all slices of a list of records.

    A record is a dictionary. Its strain is the array of shape (1, 1, sectors, frames), which its name tells (`strain`)
    where there are several; its time of onset the array whose name holds `TOS`; its place along the long axis the
    number whose name holds `location`. Names of patients are not read.

    Args:
        path: `.npy` of such a list.
        given: Frame times, which records seldom hold (`frame_ms`), and how their sectors are counted.
        scar: Scarred segments by the name of the slice, as `read_scar_rows` reads them; slices without a row are free
            of scar. A record's slice name is the text whose key holds `slice`.

    Returns:
        Slices in the order of the file, named by their number.

    Raises:
        InputError: If the file holds anything but arrays, numbers, texts, lists and dictionaries, a record has no
            strain, or nobody states the frame times.
    """
    held = read_objects(path)
    records = held if isinstance(held, list) else [held]
    if not records or len(records) > _MOST_RECORDS or not all(isinstance(one, Mapping) for one in records):
        raise InputError(path.name, f"1 to {_MOST_RECORDS:,} records", "something else")
    slices = [_slice(record, given, f"{path.name}: record {number}") for number, record in enumerate(records, start=1)]
    if scar is None:
        return slices
    names = [_slice_name(record) for record in records]
    unknown = len(set(scar) - set(names))
    if unknown:
        raise InputError(path.name, "a record for each slice with a row of scar", f"{unknown} slices without one")
    return [
        replace(one, scarred=scarred_sectors(scar.get(name, frozenset()), one.sectors))
        for one, name in zip(slices, names, strict=True)
    ]


def _slice_name(record: Mapping[Any, Any]) -> str:
    texts = [value for key, value in record.items() if isinstance(value, str) and "slice" in str(key).lower()]
    return texts[0] if len(texts) == 1 else ""


def _slice(record: Mapping[Any, Any], given: Given, where: str) -> StrainSlice:
    numbers = {
        str(name).lower().replace("_", ""): np.asarray(value)
        for name, value in record.items()
        if isinstance(value, np.ndarray | int | float) and not isinstance(value, bool)
    }
    numbers = {name: value for name, value in numbers.items() if value.dtype.kind in "iuf"}
    strains = [value for value in numbers.values() if value.ndim == 4 and value.shape[:2] == (1, 1)]
    if len(strains) > 1:
        strains = [
            v for n, v in numbers.items() if v.ndim == 4 and v.shape[:2] == (1, 1) and ("strain" in n or "ecc" in n)
        ]
    if len(strains) != 1:
        raise InputError(where, "one strain matrix of shape (1, 1, sectors, frames)", f"{len(strains)}")
    onsets = [value for name, value in numbers.items() if "tos" in name and value.ndim in (1, 2) and value.size > 1]
    onset = max(onsets, key=lambda value: value.size).ravel().astype(np.float64) if onsets else None
    times = next((value.ravel() for name, value in numbers.items() if name in ("framems", "frametimes")), None)
    told = times if times is not None else (np.array(given.frame_ms) if given.frame_ms else None)
    strain = check_matrix(strains[0][0, 0], told, where=where)
    places = [float(value) for name, value in numbers.items() if "location" in name and value.size == 1]
    one = StrainSlice(
        strain,
        given.times(times, strain.shape[1], where=where),
        location_mm=places[0] if places else given.location_mm,
        source=where,
    )
    if onset is not None:
        if not np.isfinite(onset).all() or onset.min() < 0:
            raise InputError(where, "times of onset in ms, 0 and more", "others")
        one = replace(one, tos_ms=resample_sectors(onset, one.sectors))
    if given.first_sector or given.towards_anterior:
        return one.turned(given.first_sector, reverse=given.towards_anterior)
    return one
