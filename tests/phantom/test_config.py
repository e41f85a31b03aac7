from __future__ import annotations

import pytest

from cardioscar.errors import ConfigError
from cardioscar.phantom.config import PhantomConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subjects": 0}, "phantom: subjects: expected at least 1, found 0"),
        ({"nodes": 10}, "phantom: nodes: expected at least 1000, found 10"),
        ({"subjects": 2, "corrupt": 3}, "phantom: corrupt: expected at most 2 subjects, found 3"),
        ({"thickness_mm": (-1.0, 5.0)}, "phantom: thickness_mm: expected 0.5 to 20, found -1"),
        ({"pixel_mm": (1.5, 1.0)}, "phantom: pixel_mm: expected a range from low to high, found 1.5 to 1"),
        ({"snr": float("nan")}, "phantom: snr: expected 1 to 1e.06, found nan"),
    ],
)
def test_impossible_options_are_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        PhantomConfig(**options)


def test_mixed_cohort_takes_every_kind_in_turn():
    kinds = [PhantomConfig().kind(i) for i in range(20)]
    assert kinds[:3] == ["smooth", "isthmus", "patchy"]
    assert [i for i, kind in enumerate(kinds) if kind == "none"] == [9, 19]
    assert PhantomConfig(scar="patchy").kind(9) == "patchy"
