"""Mappings of dataclasses, as results have them, are read and checked as settings are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from cardioscar.config import from_mapping
from cardioscar.errors import ConfigError


@dataclass(frozen=True)
class Size:
    mm: float


@dataclass(frozen=True)
class Sizes:
    by_name: Mapping[str, Size]


def test_they_are_read() -> None:
    assert from_mapping(Sizes, {"by_name": {"a": {"mm": 3}, "b": {"mm": 0.5}}}) == Sizes(
        {"a": Size(3.0), "b": Size(0.5)}
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([1], r"sizes: by_name: expected keys and their values, found \[1\]"),
        ({"a": 3}, r"sizes: by_name\.a: expected settings and their values, found 3"),
        ({"a": {"mm": "wide"}}, r"sizes: by_name\.a: mm: expected a value of type float, found 'wide'"),
        ({"a": {"mm": True}}, r"sizes: by_name\.a: mm: expected a value of type float, found True"),
    ],
)
def test_what_is_wrong_is_named(wrong: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        from_mapping(Sizes, {"by_name": wrong}, where="sizes")


def test_keys_of_a_senders_mapping_are_not_repeated() -> None:
    with pytest.raises(ConfigError) as raised:
        from_mapping(Sizes, {"by_name": {"Doe": {"mm": "Jane"}}}, where="sizes", foreign=True)
    assert str(raised.value) == "sizes: by_name: mm: expected a value of type float, found a text of 4 characters"
