import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.report.page import duration, environment, number, relative_link, write_page


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_a_number_reads_back(value, digits):
    text = str(number(value, digits)).replace("−", "-").replace(",", "")
    assert math.isclose(float(text), value, abs_tol=0.51 * 10**-digits)
    assert text not in ("-0", "-0.0")


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "7", True])
def test_what_is_no_number_is_undefined(value):
    assert 'title="undefined"' in number(value)


def test_units_and_text_are_escaped():
    assert "<b>" not in number(1, 0, "<b>")
    assert environment().from_string("{{ x }}").render(x="<script>") == "&lt;script&gt;"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0\u202fs"), (59.99, "60.0\u202fs"), (3599.9, "1\u202fh 0\u202fmin")]
)
def test_durations(seconds, text):
    assert str(duration(seconds)) == text


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "JaVaScRiPt:x", "java\nscript:x", "//evil/x", "/etc/passwd", "a/../../b", "a\\b", "", 3],
)
def test_links_stay_in_the_folder(link):
    assert relative_link(link) is None


def test_a_broken_link_is_dropped():
    assert relative_link("http://[broken") is None


def test_a_page_is_replaced_whole(tmp_path):
    path = write_page(tmp_path / "new" / "page.html", "one")
    write_page(path, "two")
    assert path.read_text() == "two"
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]
