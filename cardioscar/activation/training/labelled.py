"""Hearts whose onsets somebody has drawn: strain, and beside it times of onset and classes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from cardioscar.activation.formats.given import Given
from cardioscar.activation.formats.onset_files import read_heart_onsets
from cardioscar.activation.formats.strain_files import read_strain
from cardioscar.activation.network.training import Examples, examples_of
from cardioscar.activation.strain.matrix import SECTORS, StrainSlice
from cardioscar.activation.strain.sector_class import sector_classes
from cardioscar.errors import InputError, counted

log = logging.getLogger(__name__)

TOS = "tos.csv"
"""Table of onsets in a subject's folder, as `cardioscar activation predict` writes it and a person corrects it."""


@dataclass(frozen=True, eq=False)
class LabelledHeart:
    """A subject to learn from.

    Attributes:
        subject: Name of its folder.
        slices: With `tos_ms`, 126 sectors.
        classes: `SectorClass` of each sector of each.
    """

    subject: str
    slices: tuple[StrainSlice, ...]
    classes: tuple[Int[np.ndarray, " sectors"], ...]


def read_labelled(folder: Path, given: Given = Given()) -> list[LabelledHeart]:
    """Read labelled hearts.

    Args:
        folder: Of a folder for each subject, each with strain that `read_strain` reads, and either onsets in these
            files or a `tos.csv` beside them, whose classes count too.
        given: What the files do not say.

    Returns:
        Hearts in the order of their names. A sector is late by its onset, and scarred where a file says so.

    Raises:
        InputError: If there are none, or one cannot be read or has no onsets.
    """
    places = sorted(one for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []
    if not places:
        raise InputError("labelled folder", "a folder for each subject", "none")
    return [_heart(place, given) for place in places]


def examples_with(examples: Examples, hearts: Sequence[LabelledHeart]) -> Examples:
    """Examples of phantoms, and labelled hearts among them.

    Args:
        examples: Of phantoms.
        hearts: Labelled ones; none leaves the examples as they are.
    """
    slices = [one for heart in hearts for one in heart.slices]
    if not slices:
        return examples
    more = examples_of(slices, [kinds for heart in hearts for kinds in heart.classes])
    joined = {name: np.concatenate([getattr(examples, name), getattr(more, name)]) for name in vars(examples)}
    return Examples(**joined)


def _heart(place: Path, given: Given) -> LabelledHeart:
    slices = read_strain(_strain_in(place), given, sectors=SECTORS)
    if (place / TOS).is_file():
        onsets = [one.with_sectors(SECTORS) for one in read_heart_onsets(place / TOS)]
        if len(onsets) != len(slices):
            raise InputError(TOS, f"onsets of {counted(len(slices), 'slice')}", str(len(onsets)))
        found = [replace(one, tos_ms=onset.tos_ms) for one, onset in zip(slices, onsets, strict=True)]
        return LabelledHeart(place.name, tuple(found), tuple(onset.classes for onset in onsets))
    times, scars = [], []
    for one in slices:
        if one.tos_ms is None:
            raise InputError(one.source, f"times of onset, in the file or in a {TOS} beside it", "none")
        times.append(one.tos_ms)
        scars.append(np.zeros(SECTORS, dtype=bool) if one.scarred is None else one.scarred)
    classes = sector_classes(np.array(times), np.array(scars))
    return LabelledHeart(place.name, tuple(slices), tuple(classes))


def _strain_in(place: Path) -> Path:
    """The file `strain.*` or folder `strain` where there is one, else the folder itself."""
    named = sorted(one for one in place.iterdir() if one.name.split(".")[0] == "strain")
    if len(named) > 1:
        raise InputError("labelled folder", "one strain of each subject", f"{len(named)}")
    return named[0] if named else place
