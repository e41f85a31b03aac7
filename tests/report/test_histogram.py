import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.report.histogram import histogram_svg


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=60), st.sampled_from([None, (0.0, 1.0)]))
def test_every_subject_is_counted_once_and_drawn_inside(values, limits):
    svg = histogram_svg(values, name="Dice", limits=limits, marks={"baseline": 0.5})
    tree = ElementTree.fromstring(svg)
    assert sum(int(title.text.rsplit(": ")[1]) for title in tree.iter("title")) == len(values)
    for bar in tree.iter("rect"):
        x, y, w, h = (float(bar.get(key)) for key in ("x", "y", "width", "height"))
        assert x >= 0
        assert x + w <= 340
        assert y >= 0
        assert y + h <= 150


def test_it_can_be_read_aloud_and_is_escaped():
    svg = histogram_svg(np.array([1.0, 3.0]), name='a"<b>', digits=1)
    label = re.search('aria-label="(.*?)"', svg)[1]
    assert label == "a&#34;&lt;b&gt;: 2 subjects, from 1.0 to 3.0, median 2.0"


def test_no_values():
    with pytest.raises(ValueError, match="no values"):
        histogram_svg([], name="Dice")
