"""A subject's label volume at the door: in one order of storage, with a wall and the anatomy of a left ventricle."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.anatomy import measure
from cardioscar.imaging.anatomy_rules import breaches, doubts
from cardioscar.imaging.formats.claimed_memory import claimed_memory
from cardioscar.imaging.formats.header_trust import HeaderTrust
from cardioscar.imaging.formats.volume_files import read_labels, read_volume
from cardioscar.imaging.labels import LABEL_TABLES, WALL, Label
from cardioscar.imaging.orientation import canonical
from cardioscar.imaging.slices import slice_axis
from cardioscar.imaging.surrounding import surrounded
from cardioscar.imaging.volume import Volume

log = logging.getLogger(__name__)

_SURROUNDS, _BESIDE = 0.8, 0.6
"""Share of the directions in which one number meets another, from which the other surrounds it; and in the other sense,
below which it does not."""


def read_drawn_labels(path: Path, table: str, trust: HeaderTrust = "agree") -> Volume:
    """Read a label volume and check what the labels are of.

    Args:
        path: As for `read_volume`.
        table: Name of the convention, a key of `LABEL_TABLES`.
        trust: Which statement of an image header counts where two contradict each other.

    Returns:
        Values of `Label`, in the order of `canonical`. What looks odd and may be right is said as a warning.

    Raises:
        InputError: As for `read_labels`; if there is no wall; or if the labels are clearly not those of a left
            ventricle, with the table under which they would be.
    """
    with claimed_memory(path.name):
        labels = canonical(_read(path, table, trust))
        check_wall(labels)
        _check_anatomy(labels, path, table, trust)
        return labels


def read_true_labels(path: Path, table: str, trust: HeaderTrust = "agree") -> Volume:
    """Read a label volume that holds the true scar; without myocardium it is the scar alone, and has no anatomy.

    Args:
        path: As for `read_volume`.
        table: Name of the convention, a key of `LABEL_TABLES`.
        trust: Which statement of an image header counts where two contradict each other.

    Returns:
        Values of `Label`, in the order of `canonical`.

    Raises:
        InputError: As for `read_drawn_labels`, but that a wall need not be drawn.
    """
    with claimed_memory(path.name):
        labels = canonical(_read(path, table, trust))
        if (labels.values == Label.MYOCARDIUM).any():
            _check_anatomy(labels, path, table, trust)
        return labels


def _read(path: Path, table: str, trust: HeaderTrust) -> Volume:
    try:
        return read_labels(path, table, trust)
    except InputError as error:
        fitting = _fitting(path, table, trust) if f"(table '{table}')" in error.rule else ""
        if not fitting:
            raise
        finding = f"{error.finding}; {which_surrounds(read_volume(path, trust))}{fitting}"
        raise InputError(error.where, error.rule, finding) from None


def _check_anatomy(labels: Volume, path: Path, table: str, trust: HeaderTrust) -> None:
    anatomy = measure(labels)
    broken = breaches(anatomy)
    if broken:
        remedy = which_surrounds(read_volume(path, trust)) + (
            _fitting(path, table, trust) or "no other label table fits"
        )
        raise InputError(labels.source, f"{broken[0].rule} (label table '{table}')", f"{broken[0].finding}; {remedy}")
    for doubt in doubts(anatomy):
        log.warning("%s: %s", labels.source, doubt)


def wall_mask(labels: Volume) -> np.ndarray:
    """Myocardium and scar of a label volume, boolean, its shape."""
    return np.isin(labels.values, WALL)


def check_wall(labels: Volume) -> None:
    """Refuse a label volume without wall.

    Raises:
        InputError: With the labels that there are.
    """
    if not wall_mask(labels).any():
        present = ", ".join(label.name.lower().replace("_", " ") for label in Label if (labels.values == label).any())
        raise InputError(labels.source, "pixels of the wall (myocardium or scar)", f"{present} only")


def _fitting(path: Path, table: str, trust: HeaderTrust) -> str:
    """The table under which the anatomy is right, and how to name it; empty where there is none."""
    for name in _others(table):
        try:
            labels = canonical(read_labels(path, name, trust))
            check_wall(labels)
        except InputError:
            continue
        anatomy = measure(labels)
        if not breaches(anatomy) and not doubts(anatomy):
            return f"table '{name}' fits: --label-table {name}, or label_table: {name} in subject.yaml"
    return ""


def _others(table: str) -> list[str]:
    """Tables that give the numbers other meanings than this one, and than each other."""
    tried: list[Mapping[int, Label]] = [LABEL_TABLES[table]]
    names = []
    for name, mapping in LABEL_TABLES.items():
        if mapping not in tried:
            tried.append(mapping)
            names.append(name)
    return names


def which_surrounds(numbers: Volume) -> str:
    """Say which number of a label file surrounds which: `2 surrounds 3, ` or empty.

    Args:
        numbers: The file's own values.
    """
    values = np.rint(np.moveaxis(np.asarray(numbers.values), slice_axis(numbers), 2))
    present = [float(value) for value in np.unique(values) if value != 0][:8]
    share = {outer: surrounded(values == outer) for outer in present}

    def met(inner: float, outer: float) -> float:
        both = (values == inner).any(axis=(0, 1)) & (values == outer).any(axis=(0, 1))
        at = (values == inner) & both
        return float(share[outer][at].mean()) if at.any() else 0.0

    pairs = [
        f"{outer:g} surrounds {inner:g}"
        for outer in present
        for inner in present
        if outer != inner and met(inner, outer) > _SURROUNDS and met(outer, inner) < _BESIDE
    ]
    return "".join(f"{pair}, " for pair in pairs)
