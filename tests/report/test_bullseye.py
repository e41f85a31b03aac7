import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.imaging.coordinates.aha import AHA_SEGMENTS
from cardioscar.report.bullseye import WALL_PLACES, bullseye_figure, segment_wedge
from cardioscar.report.style import GUESS, SCAR_CMAP, UNCERTAINTY_CMAP


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_the_segments_tile_the_disc():
    area = 0.0
    for segment in range(1, 18):
        inner, outer, first, last = segment_wedge(segment)
        area += np.pi * (outer**2 - inner**2) * (last - first) / 360
    assert area == pytest.approx(np.pi)


@given(st.integers(1, 16))
def test_a_segment_lies_at_the_wall_that_its_name_says(segment):
    _, _, first, last = segment_wedge(segment)
    middle = np.radians((first + last) / 2)
    place = np.array([np.cos(middle), np.sin(middle)])
    name = AHA_SEGMENTS[segment - 1]
    for wall in ("anterior", "inferior"):
        if wall.removesuffix("ior") in name:  # anteroseptal, inferolateral
            assert place @ WALL_PLACES[wall.capitalize()] > 0.4
    if "sept" in name:
        assert place @ WALL_PLACES["Septal"] > 0.4
    if "lateral" in name:
        assert place @ WALL_PLACES["Lateral"] > 0.4


@pytest.mark.parametrize("segment", [0, 18])
def test_other_segments_do_not_exist(segment):
    with pytest.raises(ValueError, match="1 to 17"):
        segment_wedge(segment)


def test_numbers_and_walls_are_written():
    figure = bullseye_figure({segment: segment / 100 for segment in range(1, 18)})
    written = texts(figure.axes[0])
    for segment in range(1, 18):
        assert f"{segment}%" in written
        assert str(segment) in written
    assert set(WALL_PLACES) <= set(written)
    assert not any("hatched" in text for text in written)


def test_a_segment_without_tissue_is_hatched_not_coloured():
    figure = bullseye_figure({**dict.fromkeys(range(1, 16), 0.2), 16: None, 17: float("nan")})
    patches = [patch for patch in figure.axes[0].patches if patch.get_hatch()]
    assert len(patches) == 2
    written = texts(figure.axes[0])
    assert written.count("–") == 2
    assert any("hatched" in text for text in written)


def test_colours_come_from_the_map(pixels, share_near):
    image = pixels(bullseye_figure(dict.fromkeys(range(1, 18), 0.9)))
    assert share_near(image, SCAR_CMAP(0.9)[:3]) > 0.25
    assert share_near(image, "white") > 0.2


def test_uncertainty_stands_beside(pixels, share_near):
    figure = bullseye_figure(dict.fromkeys(range(1, 18), 0.0), dict.fromkeys(range(1, 18), 0.2))
    assert "0.20" in texts(figure.axes[1])
    assert share_near(pixels(figure), UNCERTAINTY_CMAP(1.0)[:3]) > 0.15


def test_doubtful_names_are_marked_on_the_figure_itself(pixels, share_near):
    fractions = dict.fromkeys(range(1, 18), 0.2)
    plain = bullseye_figure(fractions, fractions)
    figure = bullseye_figure(fractions, fractions, warning="names are a guess")
    for axes in figure.axes[:2]:
        assert "names are a guess" in texts(axes)
        assert {"Anterior?", "Septal?", "Inferior?", "Lateral?"} <= set(texts(axes))
    assert not any("?" in text for axes in plain.axes for text in texts(axes))
    assert share_near(pixels(plain), GUESS) == 0
    assert share_near(pixels(figure), GUESS) > 0.005
