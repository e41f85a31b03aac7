import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cardioscar.errors import InputError
from cardioscar.report.slice_view import SliceView, as_displayed, side_letters
from cardioscar.report.slices import slices_figure
from cardioscar.report.style import HIDDEN, OBSERVED, SCAR_CMAP


def ring_view(number: int = 0, **changes) -> SliceView:
    """A ring of wall in a large image, its left part scar."""
    i, j = np.meshgrid(np.arange(160), np.arange(140), indexing="ij")
    radius = np.hypot(i - 90, j - 40)
    wall = (radius > 14) & (radius < 22)
    scar = wall & (i < 80)
    parts = {
        "background": radius,
        "wall": wall,
        "observed_scar": scar,
        "predicted": np.where(wall, np.where(scar, 0.9, 0.0), np.nan),
    }
    return SliceView(number, **(parts | changes))


def test_every_slice_is_drawn_twice_and_named():
    figure = slices_figure([ring_view(number) for number in (2, 4, 11)])
    written = [text.get_text() for text in figure.texts]
    assert [f"Slice {n}" for n in (2, 4, 11)] == written
    assert len(figure.axes) == 2 * 3 + 1


def test_the_zoom_is_on_the_wall_with_true_proportions():
    view = ring_view(pixel_mm=(2.0, 1.0))
    axes = slices_figure([view]).axes[0]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert (left + right) / 2 == pytest.approx(180)
    assert (top + bottom) / 2 == pytest.approx(40)
    assert right - left == pytest.approx(2 * 42 + 2 * 9, abs=0.1)
    assert bottom > top  # j runs downwards


def test_hidden_slices_are_framed_and_said(pixels, share_near):
    plain = slices_figure([ring_view(0), ring_view(1)])
    hidden = slices_figure([ring_view(0), ring_view(1, hidden=True)])
    assert "hidden from the fit" in [text.get_text() for text in hidden.texts]
    assert share_near(pixels(plain), HIDDEN) == 0
    assert share_near(pixels(hidden), HIDDEN) > 0.005


def test_observed_and_reconstructed_scar_have_their_colours(pixels, share_near):
    image = pixels(slices_figure([ring_view()]))
    assert share_near(image, SCAR_CMAP(0.9)[:3]) > 0.005
    assert share_near(image, SCAR_CMAP(0.0)[:3]) > 0.02
    assert share_near(image, OBSERVED) > 0.001
    clean = pixels(slices_figure([ring_view(observed_scar=np.zeros((160, 140)))]))
    # what remains is the line in the legend
    assert share_near(clean, OBSERVED) < 0.3 * share_near(image, OBSERVED)


def test_many_slices_make_bands():
    few, many = slices_figure([ring_view(n) for n in range(6)]), slices_figure([ring_view(n) for n in range(13)])
    assert many.get_figheight() > 2.5 * few.get_figheight()
    assert many.get_figwidth() == few.get_figwidth()


def test_slices_without_wall_are_left_out():
    empty = np.zeros((160, 140), bool)
    figure = slices_figure([ring_view(0, wall=empty), ring_view(1)])
    assert [text.get_text() for text in figure.texts] == ["Slice 1"]
    with pytest.raises(InputError, match="at least one slice with wall"):
        slices_figure([ring_view(0, wall=empty)])


def test_flat_and_unfinite_images_are_drawn(pixels):
    flat = ring_view(background=np.full((160, 140), 7.0))
    holes = ring_view(background=np.where(np.arange(140) % 2, np.nan, 3.0) * np.ones((160, 1)))
    assert pixels(slices_figure([flat, holes])).std() > 20


def test_arrays_of_two_shapes_are_refused():
    with pytest.raises(InputError, match=r"slice 3: expected four arrays of one shape .* background \(2, 2\)"):
        ring_view(3, background=np.zeros((2, 2)))


@given(st.integers(0, 2**32 - 1))
def test_turning_keeps_every_pixel_at_its_place_in_the_patient(seed):
    frame = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    values, pixel_mm = np.arange(12.0).reshape(3, 4), np.array([2.0, 0.5])

    def places(view: SliceView) -> dict[float, np.ndarray]:
        steps = view.directions * np.array(view.pixel_mm)[:, None]
        return {float(view.background[ij]): np.array(ij) @ steps for ij in np.ndindex(view.background.shape)}

    view = SliceView(0, values, values > 0, values, values, pixel_mm=tuple(pixel_mm), directions=frame[:2])
    shown = as_displayed(view)
    before, after = places(view), places(shown)
    for value in before:  # up to where the corner lies
        assert after[value] - after[0.0] == pytest.approx(before[value] - before[0.0])
    # nothing to turn any more
    assert np.array_equal(as_displayed(shown).background, shown.background)


@pytest.mark.parametrize(
    ("i", "j", "left", "top"),
    [
        ((-1, 0, 0), (0, -1, 0), "R", "A"),  # an axial NIfTI in RAS order
        ((0, 1, 0), (1, 0, 0), "R", "A"),  # axes swapped
        ((0, 1, 0), (0, 0, 1), "A", "S"),  # sagittal
        ((-1, 0, 0), (0, 0, 1), "R", "S"),  # coronal
    ],
)
def test_the_patients_left_is_on_the_right(i, j, left, top):
    shown = as_displayed(ring_view(directions=np.array([i, j], dtype=float)))
    assert side_letters(-shown.directions[0]) == left
    assert side_letters(-shown.directions[1]) == top
    written = [text.get_text() for text in slices_figure([shown]).axes[0].texts]
    assert {left, top} <= set(written)


def test_a_slice_without_directions_stays_as_it_is():
    view = ring_view()
    assert as_displayed(view) is view


def test_noise_outside_the_heart_does_not_set_the_grey_levels() -> None:
    from cardioscar.report.slices import _window

    i, j = np.meshgrid(np.arange(60), np.arange(60), indexing="ij")
    radius = np.hypot(i - 30, j - 30)
    wall = (radius > 10) & (radius < 16)
    background = np.where(radius < 10, 300.0, 50.0)
    background[radius > 22] = np.where((i + j)[radius > 22] % 2, 4000.0, -4000.0)
    low, high = _window(SliceView(0, background, wall, wall * 0.0, np.where(wall, 0.1, np.nan)))
    assert (low, high) == (50.0, 300.0)
