import base64
import math
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cardioscar.report.page import duration, environment, inline_panels, number, relative_link, write_page


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


def test_parts_of_a_figure_are_its_own_pixels():
    figure, stream = Image.new("RGB", (100, 40), "white"), BytesIO()
    figure.paste((200, 0, 0), (50, 0, 100, 40))
    figure.save(stream, "PNG")
    left, right = inline_panels(stream.getvalue(), [(0, 0, 0.5, 1), (0.5, 0, 1, 1)])
    assert (left["across"], right["across"]) == ("50.000", "50.000")
    shown = [Image.open(BytesIO(base64.b64decode(one["source"].partition(",")[2]))) for one in (left, right)]
    assert [one.size for one in shown] == [(50, 40), (50, 40)]
    assert min(shown[0].convert("L").getextrema()) > 240
    assert shown[1].convert("RGB").getpixel((25, 20))[0] == pytest.approx(200, abs=6)
