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

    `odd` and `even` never hide the first or the last slice with wall: a scar beyond the outermost slice cannot be
    interpolated. A list hides what it names.

    Args:
        stack: All slices.
        holdout: `none`, `odd`, `even`, or slice numbers separated by commas.

    Returns:
        Slice numbers; empty for `none`.

    Raises:
        ConfigError: If the text is none of these, names a slice without wall, or leaves fewer than two slices.
    """
    check_holdout(holdout)
    walls = sorted(s.number for s in stack if s.observed.any())
    if holdout == "none" or not walls:
        return set()
    if holdout in ("odd", "even"):
        hidden = {n for n in walls[1:-1] if n % 2 == (holdout == "odd")}
    else:
        hidden = {int(part) for part in holdout.split(",")}
        missing = sorted(hidden - set(walls))
        if missing:
            known = ", ".join(map(str, walls))
            raise ConfigError("holdout", f"slices with wall ({known})", ", ".join(map(str, missing)))
    if len(walls) - len(hidden) < 2:
        raise ConfigError("holdout", "at least two slices left to reconstruct from", str(len(walls) - len(hidden)))
    return hidden
