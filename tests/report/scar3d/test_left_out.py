import re
from dataclasses import replace

import pytest

from cardioscar.report.scar3d.left_out import areas_svg, left_out_content
from cardioscar.scar3d.quality.result_scores import LeaveOneOutScores, LeftOutSlice


def row(number: int, scar_mm2: float, predicted_mm2: float) -> LeftOutSlice:
    return LeftOutSlice(number, 100, scar_mm2, predicted_mm2, None, None)


ROWS = (row(2, 100.0, 50.0), row(3, 0.0, 400.0), row(7, 0.0, 0.0))
SCORES = LeaveOneOutScores(3, 300, 0.8, 0.1, 0.1, 0.5, 0.0, ROWS)


def bars(svg: str) -> dict[tuple[str, str], float]:
    found = re.findall(r'class="(seen|predicted)".*?height="([\d.]+)"><title>slice (\d+)', svg)
    return {(number, kind): float(height) for kind, height, number in found}


def test_bars_are_as_tall_as_their_areas():
    heights = bars(areas_svg(ROWS))
    assert len(heights) == 6
    tallest = heights["3", "predicted"]
    assert heights["2", "seen"] == pytest.approx(tallest / 4, abs=0.1)
    assert heights["2", "predicted"] == pytest.approx(tallest / 8, abs=0.1)
    assert heights["3", "seen"] == heights["7", "seen"] == 0


def test_the_axis_says_what_its_lines_are():
    assert re.findall(r'text-anchor="end">([\d.]+)<', areas_svg([row(1, 150.0, 0.0)])) == ["0.00", "0.75", "1.50"]
    assert re.findall(r'text-anchor="end">([\d.]+)<', areas_svg([row(1, 1500.0, 0.0)])) == ["0.0", "7.5", "15.0"]


def test_the_chart_names_its_slices_and_their_areas():
    svg = areas_svg(ROWS)
    assert "slice 3, predicted: 4.00 cm²" in svg
    assert re.findall(r'text-anchor="middle">(\d+)<', svg) == ["2", "3", "7"]
    assert "aria-label" in svg


def test_a_heart_without_scar_has_a_chart_of_nothing():
    heights = bars(areas_svg([row(1, 0.0, 0.0)]))
    assert set(heights.values()) == {0}


def test_a_chart_of_no_slices_is_refused():
    with pytest.raises(ValueError, match="no slices"):
        areas_svg([])


@pytest.mark.parametrize("scores", [None, replace(SCORES, per_slice=())])
def test_where_nothing_was_left_out_there_is_nothing_to_show(scores):
    assert left_out_content(scores) is None


def test_scores_and_chart_go_to_the_page_together():
    content = left_out_content(SCORES)
    assert content["dice"] == 0.8
    assert "<svg" in content["chart"]
