"""Onsets of a subject: by the networks, or by the person who corrected them; and what the networks look at."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from cardioscar.activation.formats.onset_files import read_heart_onsets
from cardioscar.activation.network.heart_explanation import Explanation, explain_heart, worth_asking
from cardioscar.activation.network.stored import of_bundle, single_of
from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.activation.strain.sector_onsets import SectorOnsets
from cardioscar.errors import InputError, counted
from cardioscar.learning.bundle import Bundle

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Told:
    """Onsets and who tells them.

    Attributes:
        onsets: Of each slice.
        by: The networks, or a person.
        network_sha256: Hash of the networks; empty where a person tells.
        level: Share of onsets within their interval, where networks tell.
    """

    onsets: list[SectorOnsets]
    by: Literal["network", "person"]
    network_sha256: str
    level: float


def onsets_of(slices: Sequence[StrainSlice], corrected: Path | None, bundle: Bundle) -> Told:
    """Tell the onsets of slices.

    Args:
        slices: Strain.
        corrected: Table of onsets that a person has corrected; None where there is none.
        bundle: The networks.

    Raises:
        InputError: If the table is none, or of another number of slices; or the bundle holds other networks.
    """
    method = of_bundle(bundle)
    if corrected is None:
        return Told([method.predict(one) for one in slices], "network", bundle.sha256, method.scale.level)
    onsets = read_heart_onsets(corrected)
    if len(onsets) != len(slices):
        raise InputError(corrected.name, f"onsets of {counted(len(slices), 'slice')}", str(len(onsets)))
    return Told(onsets, "person", "", method.scale.level)


def explained(slices: Sequence[StrainSlice], told: Told, bundle: Bundle) -> Explanation | str:
    """What the networks look at for the largest late region, or a sentence why that is not known.

    Args:
        slices: Strain.
        told: Onsets.
        bundle: The networks.
    """
    if find_spec("captum") is None:
        return "What the networks look at is not drawn: captum is not installed."
    number, sectors = worth_asking([one.with_sectors(strain.sectors) for one, strain in zip(told.onsets, slices,
                                                                                         strict=True)])  # fmt: skip
    return explain_heart(of_bundle(bundle).ensemble, single_of(bundle), slices, number, sectors)
