"""Which slices are hidden from the fit and scored later."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from cardioscar.cohort.reading import SubjectFiles, read_cohort
from cardioscar.errors import CardioscarError, ConfigError
from cardioscar.imaging.slices import SliceStack
from cardioscar.services.store.places import place

_LOOKED_AT = 20
"""Subjects whose files are looked into at most before a run."""


def check_holdout(holdout: str) -> None:
    """Refuse a text that names no slices, before any subject is looked at.

    Args:
        holdout: `none`, `odd`, `even`, or slice numbers separated by commas.

    Raises:
        ConfigError: If it is none of these.
    """
    if holdout not in ("none", "odd", "even") and not all(part.strip().isdecimal() for part in holdout.split(",")):
        raise ConfigError("holdout", "none, odd, even or slice numbers like 3,5", repr(holdout))


def check_holdout_of(cohort: str | Path, subjects: Collection[str], holdout: str) -> None:
    """Refuse slice numbers that no subject has, before hours of work, where a look at some files tells.

    Args:
        cohort: The cohort; one in an object store is not looked at.
        subjects: Ids.
        holdout: As for `hidden_slices`.

    Raises:
        ConfigError: If no subject has such a slice.
    """
    if holdout in ("none", "odd", "even") or not isinstance(place(cohort, where="cohort"), Path):
        return
    wanted, most = max(int(part) for part in holdout.split(",")), 0
    if len(subjects) > _LOOKED_AT:
        return
    for entry in read_cohort(cohort, subjects):
        found = _slices(entry)
        if found is None or wanted < found:
            return
        most = max(most, found)
    raise ConfigError("holdout", f"slices that a subject has (0 to {most - 1})", str(wanted))


def _slices(entry: SubjectFiles) -> int | None:
    """Number of a subject's slices; None where it is not known, 0 where the subject fails anyway."""
    from cardioscar.imaging.formats.volume_files import read_volume
    from cardioscar.imaging.slices import slice_axis

    counts = [0]
    for role in ("labels", "scar", "lge"):
        path = entry.files.get(role)
        if path is None:
            continue
        if path.is_dir():
            return None
        try:
            volume = read_volume(path)
        except CardioscarError:
            continue
        counts.append(volume.values.shape[slice_axis(volume)])
    return max(counts)


def hidden_slices(stack: SliceStack, holdout: str) -> set[int]:
    """Numbers of the slices whose scar is hidden.

    `odd` and `even` count along the stack from the first slice with wall, which is 0, so that neither the order of
    slices in the file nor empty slices before the heart change what is hidden. They never hide the first or the last
    slice with
    wall: a scar beyond the outermost slice cannot be interpolated. A list hides what it names, by the numbers of the
    file.

    Args:
        stack: All slices, in the order of `canonical`: from the usual apex to the base.
        holdout: `none`, `odd`, `even`, or slice numbers separated by commas.

    Returns:
        Slice numbers; empty for `none`.

    Raises:
        ConfigError: If the text is none of these, names a slice without wall, or leaves fewer than two slices.
    """
    check_holdout(holdout)
    places = [place for place, s in enumerate(stack) if s.observed.any()]
    walls = sorted(stack.slices[place].number for place in places)
    if holdout == "none" or not walls:
        return set()
    if holdout in ("odd", "even"):
        every = {place for place in places[1:-1] if (place - places[0]) % 2 == (holdout == "odd")}
        hidden = {stack.slices[place].number for place in every}
    else:
        hidden = {int(part) for part in holdout.split(",")}
        missing = sorted(hidden - set(walls))
        if missing:
            known = ", ".join(map(str, walls))
            raise ConfigError("holdout", f"slices with wall ({known})", ", ".join(map(str, missing)))
    if len(walls) - len(hidden) < 2:
        raise ConfigError("holdout", "at least two slices left to reconstruct from", str(len(walls) - len(hidden)))
    return hidden
