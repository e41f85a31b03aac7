"""What the commands of late activation have in common: strain of a heart, and its onsets by networks or a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cardioscar.activation.formats.given import Given
from cardioscar.errors import InputError

if TYPE_CHECKING:
    from cardioscar.activation.strain.matrix import StrainSlice
    from cardioscar.activation.strain.slice_place import SlicePlace
    from cardioscar.learning.bundle import Bundle
    from cardioscar.stages.activation.subject_onsets import Told


@dataclass(frozen=True, eq=False)
class Heart:
    """A heart whose onsets are told.

    Attributes:
        slices: Strain.
        places: Where they lie, as far as the files say.
        told: Onsets.
        bundle: The networks.
    """

    slices: list[StrainSlice]
    places: Sequence[SlicePlace]
    told: Told
    bundle: Bundle


def read_heart(strain: Path, given: Given, network: str, tos: Path | None = None) -> Heart:
    """Read strain and tell its onsets.

    Args:
        strain: As `read_strain` takes it.
        given: What the files do not say.
        network: Address of the networks.
        tos: Table of onsets that a person has corrected, which counts in their place.

    Raises:
        InputError: If files cannot be read, or do not fit each other.
    """
    from cardioscar.activation.formats.place_files import places_of
    from cardioscar.activation.formats.strain_files import read_strain
    from cardioscar.stages.activation.subject_onsets import onsets_of
    from cardioscar.stages.networks import bundle_at

    bundle = bundle_at(network, "activation")
    slices = read_strain(strain, given)
    return Heart(slices, places_of(strain, slices, given), onsets_of(slices, tos, bundle), bundle)


def sectors_of(text: str, sectors: int) -> tuple[int, ...]:
    """Numbers of sectors as `20-40,60`, or of segments by their names.

    Args:
        text: What was asked for.
        sectors: How many there are.

    Raises:
        InputError: If it is neither.

    >>> sectors_of("0-2,5", 12), sectors_of("inferior", 12)
    ((0, 1, 2, 5), (2, 3))
    """
    from cardioscar.activation.strain.sectors import SEGMENTS

    found: set[int] = set()
    for part in (one.strip() for one in text.split(",")):
        if part in SEGMENTS:
            place, width = SEGMENTS.index(part), sectors / len(SEGMENTS)
            found |= {one for one in range(sectors) if place * width <= one + 0.5 < (place + 1) * width}
            continue
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal() or not int(first) <= int(last or first) < sectors:
            rule = f"sectors such as 20-40,60 (0 to {sectors - 1}), or segments: {', '.join(SEGMENTS)}"
            raise InputError("explain", rule, "others")
        found |= set(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))
