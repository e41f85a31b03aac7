"""The label table, and the conventions of public data sets mapped onto it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType

import numpy as np

from cardioscar.errors import InputError, counted


class Label(IntEnum):
    """Labels used everywhere inside cardioscar."""

    BACKGROUND = 0
    MYOCARDIUM = 1
    BLOOD_POOL = 2
    SCAR = 3


_MOST_VALUES = 1 << 16
"""Values of an image that is no label volume for sure: those of 16 bits."""

WALL = (Label.MYOCARDIUM, Label.SCAR)
"""Labels that make up the LV wall."""

LABEL_TABLES: Mapping[str, Mapping[int, Label]] = MappingProxyType(
    {
        "cardioscar": {0: Label.BACKGROUND, 1: Label.MYOCARDIUM, 2: Label.BLOOD_POOL, 3: Label.SCAR},
        # EMIDEC 2020 (Lalande et al., Data 2020;5:89): 1 cavity, 2 myocardium, 3 infarct, 4 no-reflow (dead: scar)
        "emidec": {
            0: Label.BACKGROUND,
            1: Label.BLOOD_POOL,
            2: Label.MYOCARDIUM,
            3: Label.SCAR,
            4: Label.SCAR,
        },
        # ACDC (Bernard et al., IEEE TMI 2018;37:2514): 1 RV cavity, 2 LV myocardium, 3 LV cavity; no scar
        "acdc": {0: Label.BACKGROUND, 1: Label.BACKGROUND, 2: Label.MYOCARDIUM, 3: Label.BLOOD_POOL},
        # M&Ms (Campello et al., IEEE TMI 2021;40:3543), UK Biobank: 1 LV cavity, 2 LV myocardium, 3 RV cavity; no scar
        "mnms": {0: Label.BACKGROUND, 1: Label.BLOOD_POOL, 2: Label.MYOCARDIUM, 3: Label.BACKGROUND},
        # ScarNet (Tavakoli et al., JOCMR 2025): background, myocardium, blood pool, scar
        "scarnet": {0: Label.BACKGROUND, 1: Label.MYOCARDIUM, 2: Label.BLOOD_POOL, 3: Label.SCAR},
    }
)
"""Named conventions: value in the file to `Label`."""


ROUNDING = 0.008
"""Distance from a whole number at which a value is that label: half a step of labels 0 to 4 scaled to eight bits."""


def map_labels(values: np.ndarray, table: str, *, where: str) -> np.ndarray:
    """Translate a label array of a named convention into cardioscar's labels.

    Args:
        values: Label array of any shape: whole numbers, or what is left of them where a writer scaled floats to
            integers by a slope (within `ROUNDING`).
        table: Key of `LABEL_TABLES`.
        where: File name, for errors.

    Returns:
        Array of the same shape, uint8, values of `Label`.

    Raises:
        InputError: If the table is unknown, or a value is not in it.

    >>> map_labels(np.array([0, 1, 2, 4]), "emidec", where="labels.nii.gz")
    array([0, 2, 1, 3], dtype=uint8)
    >>> map_labels(np.array([0.0, 1.00002, 1.9999]), "cardioscar", where="labels.nii.gz")
    array([0, 1, 2], dtype=uint8)
    """
    if table not in LABEL_TABLES:
        raise InputError(where, f"a label table named {', '.join(LABEL_TABLES)}", repr(table))
    mapping = LABEL_TABLES[table]
    counts = _counts(values)
    for value, count in counts.items():
        if not np.isfinite(value) or abs(value - np.rint(value)) > ROUNDING or int(np.rint(value)) not in mapping:
            known = ", ".join(map(str, mapping))
            raise InputError(where, f"labels {known} (table '{table}')", f"{value:g} ({counted(count, 'voxel')})")
    lookup = np.zeros(max(mapping) + 1, dtype=np.uint8)
    for value, label in mapping.items():
        lookup[value] = label
    mapped = np.empty_like(values, dtype=np.uint8)
    for source, target in zip(_planes(values), _planes(mapped), strict=True):
        target[...] = lookup[np.rint(source).astype(np.int64)]
    return mapped


def _counts(values: np.ndarray) -> dict[float, int]:
    """How often each value occurs, from the lowest; plane by plane, so that no copy of an image is made."""
    counts: Counter[float] = Counter()
    for plane in _planes(values):
        found, number = np.unique(plane, return_counts=True)
        counts.update(dict(zip(found.tolist(), number.tolist(), strict=True)))
        if len(counts) > _MOST_VALUES:  # no labels: the first of them is said
            break
    return dict(sorted(counts.items(), key=lambda pair: pair[0]))


def _planes(values: np.ndarray) -> Iterable[np.ndarray]:
    return np.moveaxis(values, -1, 0) if values.ndim > 1 else values[None]
