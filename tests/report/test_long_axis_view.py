import numpy as np
import pytest

from cardioscar.report.long_axis_view import SlicePlane, bands_of, gaps_of, long_axis_figure, stack_note
from cardioscar.report.style import HIDDEN, SCAR_CMAP
from cardioscar.report.viewer import ShownScar, viewer_content

SQUARE = np.array([[-30, -30, 0], [30, -30, 0], [30, 30, 0], [-30, 30, 0]], dtype=float)


@pytest.fixture(scope="module")
def view(shell, scar):
    return viewer_content(
        shell, ShownScar(scar, None), axis=np.array([0, 0, 1.0]), septal_direction=np.array([-1.0, 0, 0])
    )


def at(height_mm: float, tilt_deg: float = 0.0, aside_mm: float = 0.0) -> np.ndarray:
    """A slice that crosses the axis at a height, its drawn part to one side."""
    slope = np.tan(np.radians(tilt_deg))
    corners = SQUARE + np.array([aside_mm, 0, 0])
    return corners + np.column_stack([np.zeros((4, 2)), height_mm + slope * corners[:, 0]])


def test_a_slice_lies_where_it_crosses_the_axis(view, shell):
    low = shell.nodes_mm[:, 2].min()
    planes = [SlicePlane(2, at(10, tilt_deg=20, aside_mm=15)), SlicePlane(1, at(0))]
    first, second = bands_of(view["volume"], planes, 8.0, view["facts"]["extent"][0])
    assert (first.number, second.number) == (1, 2)
    assert ((first.low_mm + first.high_mm) / 2, first.high_mm - first.low_mm) == pytest.approx((-low, 8), abs=0.05)
    # along the axis a tilted slab is longer
    assert (second.low_mm + second.high_mm) / 2 == pytest.approx(10 - low, abs=0.05)
    assert second.high_mm - second.low_mm == pytest.approx(8 / np.cos(np.radians(20)), abs=0.05)


def test_gaps_are_what_no_slice_shows(view):
    planes = [SlicePlane(n, at(height)) for n, height in enumerate((-20, -10, 8))]
    bands = bands_of(view["volume"], planes, 8.0, view["facts"]["extent"][0])
    assert [high - low for low, high in gaps_of(bands)] == pytest.approx([2, 10], abs=0.05)
    note = stack_note(bands, 87.0)
    assert note == "Slices show 24 of 87 mm of the long axis; 2 gaps between slices, 10.0 mm at most."
    touching = bands_of(view["volume"], planes[:2], 10.0, view["facts"]["extent"][0])
    assert gaps_of(touching) == []


def test_the_map_is_drawn_where_it_lies(view, pixels):
    planes = [SlicePlane(1, at(-12)), SlicePlane(2, at(0), hidden=True)]
    figure = long_axis_figure(view["volume"], view["facts"]["extent"], planes, thickness_mm=6.0)
    picture = pixels(figure).astype(float)
    rows, columns = picture.shape[:2]
    near = lambda colour: np.abs(picture - 255 * np.array(colour[:3])).max(axis=2) < 12  # noqa: E731
    dark = near(SCAR_CMAP(1.0))
    panel = dark[int(0.1 * rows) : int(0.84 * rows)]
    # the scar lies in the septum, which is on the left of the first plane, and hardly in the second
    assert panel[:, : int(0.25 * columns)].sum() > 400
    assert panel[:, int(0.27 * columns) : int(0.46 * columns)].sum() < 20
    hidden = np.array([int(HIDDEN[k : k + 2], 16) for k in (1, 3, 5)])
    strip = picture[:, int(0.47 * columns) : int(0.5 * columns)]
    assert (np.abs(strip - (0.8 * hidden + 0.2 * 255)).max(axis=2) < 12).sum() > 200  # drawn with an opacity of 0.8
