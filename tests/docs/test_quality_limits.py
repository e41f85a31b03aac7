"""The limits of the verdict stand in the reference as the code has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cardioscar.scar3d.quality.limits import FRACTIONS, LABELS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="an image holds no documentation")


def test_the_reference_has_the_limits_of_both_kinds_of_pixels() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    one = FRACTIONS
    assert (
        f"below {one.left_out_review:.2f}; above {one.doubt_review:.0%} |".replace("%", " %")
        + f" both below {one.left_out_fail:.2f} and above {one.doubt_fail:.0%} |".replace("%", " %")
    ) in page
    assert f"above {100 * one.width_review:g} % (of 1 ml" in page
    assert f"hidden slices | below {one.hidden_dice_review:.2f} |" in page
    assert f"fewer than {one.least_slices}; above {one.gap_review_mm:g} mm |" in page
    assert f"outermost slices | more than {100 * one.outermost_review:g} % |" in page
    one = LABELS
    said = (
        f"below {one.left_out_review:.2f}, doubt above {100 * one.doubt_review:g} %",
        f"(both below {one.left_out_fail:.2f} and above {100 * one.doubt_fail:g} % to fail),",
        f"the interval's width above {100 * one.width_review:g} %,",
        f"Dice on hidden slices below {one.hidden_dice_review:.2f}, fewer than {one.least_slices} slices,",
        f"gaps above {one.gap_review_mm:g} mm, more than half of the scar in the outermost slices",
    )
    assert " ".join(said) in page
    assert one.outermost_review == 0.5
