"""Which slices are hidden from the fit and scored later."""

from __future__ import annotations

from cardioscar.errors import ConfigError
from cardioscar.imaging.slices import SliceStack


def check_holdout(holdout: str) -> None:
    """Refuse a text that names no slices, before any subject is looked at.

    Args:
        holdout: `none`, `odd`, `even`, or slice numbers separated by commas.

    Raises:
        ConfigError: If it is none of these.
    """
    if holdout not in ("none", "odd", "even") and not all(part.strip().isdecimal() for part in holdout.split(",")):
        raise ConfigError("holdout", "none, odd, even or slice numbers like 3,5", repr(holdout))


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
