import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.report.line_chart import MOST_POINTS, line_svg


@given(st.lists(st.floats(-1e9, 1e9) | st.just(float("nan")), min_size=1, max_size=700), st.booleans())
def test_all_of_a_line_is_drawn_inside(values, log):
    points = list(enumerate(values, start=1))
    if not any(value > 0 if log else value == value for value in values):
        with pytest.raises(ValueError, match="no values"):
            line_svg(points, name="Loss", log=log)
        return
    tree = ElementTree.fromstring(line_svg(points, name="Loss", log=log, mark=2))
    [curve] = [path.get("d") for path in tree.iter("path") if path.get("class") == "curve"]
    drawn = [tuple(map(float, pair.split())) for pair in curve[1:].split("L")]
    assert 1 <= len(drawn) <= MOST_POINTS
    assert all(0 <= x <= 520 and 0 <= y <= 220 for x, y in drawn)
    for path in tree.iter("path"):
        if path.get("class") == "grid":
            assert 0 <= float(re.search(r"M\d+ ([\d.]+)H", path.get("d"))[1]) <= 220


def test_it_can_be_read_aloud_and_is_escaped():
    svg = line_svg([(1, 2.0), (2, 1.0), (3, 4.0)], name='a"<b>')
    label = re.search('aria-label="(.*?)"', svg)[1]
    assert label == "a&#34;&lt;b&gt;: 3 values, first 2, last 4, 1 to 4"
    assert svg.count("<circle") == 3


def test_lower_values_are_drawn_lower_and_a_log_axis_gives_equal_factors_equal_heights():
    [curve] = re.findall('class="curve" d="M(.*?)"', line_svg([(0, 1.0), (1, 10.0), (2, 100.0)], name="x", log=True))
    down = [float(pair.split()[1]) for pair in curve.split("L")]
    assert down[0] > down[1] > down[2]
    assert down[0] - down[1] == pytest.approx(down[1] - down[2], abs=0.2)
