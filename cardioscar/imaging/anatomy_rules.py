"""What labels must look like to be a left ventricle, and what is worth a warning."""

from __future__ import annotations

from dataclasses import dataclass

from cardioscar.imaging.anatomy import Anatomy
from cardioscar.imaging.labels import Label

# docs/reference/labels-and-grids.md says on what these limits were tried.
MIDDLE_FAIL, MIDDLE_REVIEW = 0.25, 0.5
"""Share of the middle of the heart that is blood pool."""
SOLID_FAIL_MM = 30.0
"""In-plane thickness of a wall without a cavity."""
EMPTY_FAIL, EMPTY_REVIEW = 0.25, 0.5
"""Share of the middle of the heart that is unlabelled, where no blood pool is drawn beside wall."""
REACH_FAIL, REACH_REVIEW = 2.5, 1.8
"""How much farther from the cavity scar reaches than myocardium does."""
APART_FAIL, APART_REVIEW = 0.5, 0.1
"""Share of the scar that is joined to no myocardium."""
IN_POOL_FAIL, IN_POOL_REVIEW = 0.5, 0.05
"""Share of the scar that blood pool surrounds."""
FEW = 0.05
"""Misplaced scar below this share of the wall is a few pixels: a warning at most."""
SCAR_FAIL, SCAR_REVIEW = 0.95, 0.6
"""Share of the wall that is scar."""
OUTLINE_REVIEW = 0.5
"""Share of the heart's outline that is blood pool."""
SECOND_CAVITY_REVIEW = 0.25
"""Area of a second cavity over that of the first."""


@dataclass(frozen=True)
class Breach:
    """A rule of anatomy that labels break.

    Attributes:
        rule: What was expected.
        finding: What was found, with numbers.
    """

    rule: str
    finding: str


def breaches(a: Anatomy) -> list[Breach]:
    """Rules that are clearly broken: the labels are not those of a left ventricle. Empty where none is."""
    found = []
    if _misplaced(a) and a.slices > 1:
        found.append(Breach("the blood pool inside the wall", _in_the_middle(a)))
    if _solid(a, EMPTY_FAIL) and a.solid_mm > SOLID_FAIL_MM and a.wall_slices > 1:
        finding = f"one of {a.solid_mm:.0f} mm without a cavity, {_in_the_middle(a)}"
        found.append(Breach("a wall that surrounds a cavity", finding))
    if a.scar > SCAR_FAIL and a.wall_slices > 1:
        found.append(Breach("myocardium in the wall", f"{a.scar:.0%} of it scar"))
    elif a.scar_apart > APART_FAIL and a.scar_apart * a.scar > FEW:
        found.append(Breach("scar joined to myocardium", f"{a.scar_apart:.0%} of it apart from the heart"))
    if a.scar_in_pool > IN_POOL_FAIL and a.scar_in_pool * a.scar > FEW:
        found.append(Breach("scar in the wall", f"{a.scar_in_pool:.0%} of it in the middle of the blood pool"))
    if _reach(a) > REACH_FAIL and a.scar > FEW:
        found.append(Breach("scar within the wall", _how_far(a)))
    return found


def doubts(a: Anatomy) -> list[str]:
    """What looks odd and may be right, one clause each. Empty where nothing does."""
    found = []
    if a.slices and not (_misplaced(a) and a.slices > 1):
        if a.middle[Label.BLOOD_POOL] < MIDDLE_REVIEW or _misplaced(a):
            found.append(f"the blood pool may not lie inside the wall ({_in_the_middle(a)})")
        if a.pool_outline > OUTLINE_REVIEW:
            found.append(
                f"much of the blood pool lies outside of the wall ({a.pool_outline:.0%} of the heart's outline is blood"
                " pool): a right ventricle?"
            )
    elif _solid(a, EMPTY_REVIEW) and not (_solid(a, EMPTY_FAIL) and a.solid_mm > SOLID_FAIL_MM and a.wall_slices > 1):
        found.append(f"the wall may surround no cavity ({_in_the_middle(a)})")
    if a.second_cavity > SECOND_CAVITY_REVIEW:
        found.append("the wall surrounds two cavities: is the wall of the right ventricle among it?")
    if SCAR_REVIEW < a.scar <= SCAR_FAIL:
        found.append(f"{a.scar:.0%} of the wall is scar: are the numbers of scar and myocardium exchanged?")
    if a.scar <= SCAR_FAIL and a.scar_apart > APART_REVIEW and not _clear(a, a.scar_apart, APART_FAIL):
        found.append(f"{a.scar_apart:.0%} of the scar lies apart from the heart")
    if a.scar_in_pool > IN_POOL_REVIEW and not _clear(a, a.scar_in_pool, IN_POOL_FAIL):
        found.append(f"{a.scar_in_pool:.0%} of the scar lies in the middle of the blood pool")
    if _reach(a) > REACH_REVIEW and not (_reach(a) > REACH_FAIL and a.scar > FEW):
        found.append(f"scar may lie outside of the wall ({_how_far(a)})")
    return found


def _misplaced(a: Anatomy) -> bool:
    if not a.slices:
        return False
    pool = a.middle[Label.BLOOD_POOL]
    return pool < MIDDLE_FAIL or (pool < MIDDLE_REVIEW and a.pool_by_wall < a.wall_by_pool)


def _solid(a: Anatomy, limit: float) -> bool:
    """Whether no blood pool is drawn and the middle of the heart is wall all the same."""
    return a.slices == 0 and a.middle[Label.BACKGROUND] < limit


def _clear(a: Anatomy, share: float, limit: float) -> bool:
    return share > limit and share * a.scar > FEW


def _reach(a: Anatomy) -> float:
    return a.scar_reach_mm / max(a.wall_reach_mm, 1e-9) if a.wall_reach_mm == a.wall_reach_mm else 0.0


def _in_the_middle(a: Anatomy) -> str:
    _, muscle, pool, scar = a.middle
    return f"{pool:.0%} blood pool, {muscle:.0%} myocardium and {scar:.0%} scar in the middle of the heart"


def _how_far(a: Anatomy) -> str:
    return f"scar up to {a.scar_reach_mm:.0f} mm from the cavity, myocardium up to {a.wall_reach_mm:.0f} mm"
