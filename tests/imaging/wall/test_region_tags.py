from __future__ import annotations

import numpy as np
import pytest

from cardioscar.errors import GeometryError
from cardioscar.imaging.wall.region_tags import bath_of, chosen, tags_of

TAGS = np.array([1, 1, 2, 0])


@pytest.mark.parametrize(
    "name", ["elemTag", "element_tag", "tag", "Tags", "region", "RegionId", "material_id", "gmsh:physical"]
)
def test_usual_names_of_tags(name: str) -> None:
    assert tags_of({"other": TAGS + 7, name: TAGS.astype(np.float32)}).tolist() == TAGS.tolist()


def test_the_array_that_is_named_counts() -> None:
    data = {"elemTag": TAGS, "mine": TAGS + 10}
    assert tags_of(data, name="mine").tolist() == [11, 11, 12, 10]
    for name, finding in (
        ("none", "none of that name"),
        ("vector", "an array of other values"),
        ("real", "other values"),
    ):
        with pytest.raises(GeometryError, match=f"a.vtu: expected a cell array of whole numbers.*{finding}"):
            tags_of({"vector": np.ones((4, 3)), "real": TAGS + 0.5}, name=name, source="a.vtu")


def test_arrays_of_other_values_are_no_tags() -> None:
    assert tags_of({"region": TAGS + 0.25, "tag": np.ones((4, 3)), "material": np.array([1, np.nan, 2, 3])}) is None
    assert tags_of({"region": TAGS + 0.25, "material": TAGS}).tolist() == TAGS.tolist()


def test_the_bath_is_tag_0_of_opencarp_alone() -> None:
    assert bath_of({"elemTag": TAGS}).tolist() == [False, False, False, True]
    assert bath_of({"element_tag": np.zeros(4, dtype=int)}) is None
    assert bath_of({"element_tag": np.ones(4, dtype=int)}) is None
    assert bath_of({"region": TAGS}) is None


def test_chosen_tags_must_be_there() -> None:
    ml = np.array([60.0, 60.0, 40.0, 5.0])
    assert chosen(TAGS, (1, 2), ml).tolist() == [True, True, True, False]
    there = r"1 \(120\.0 ml\), 2 \(40\.0 ml\), 0 \(5\.0 ml\)"
    with pytest.raises(GeometryError, match=rf"cells of the tags 1, 7 \(wall_tags\), found the tags {there}"):
        chosen(TAGS, (7, 1), ml)
    with pytest.raises(GeometryError, match="expected a tag of each cell for wall_tags .*, found none"):
        chosen(None, (1,), ml)
    with pytest.raises(GeometryError, match="and 8 more"):
        chosen(np.arange(20), (99,), np.ones(20))
