import matplotlib
import numpy as np
import pytest

from cardioscar.report import style


def lightness(cmap) -> np.ndarray:
    """CIE L* of a colour map, 0 to 100 (IEC 61966-2-1 and CIE 15)."""
    rgb = cmap(np.linspace(0, 1, 256))[:, :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    return 116 * np.cbrt(luminance) - 16


@pytest.mark.parametrize("cmap", [style.SCAR_CMAP, style.UNCERTAINTY_CMAP], ids=lambda c: c.name)
def test_colour_maps_keep_their_order_in_grey(cmap):
    steps = np.diff(lightness(cmap))
    assert (steps < 0).all()
    # even steps: no band that looks like an edge of its own
    assert steps.min() > 2.2 * steps.mean()
    assert np.ptp(lightness(cmap)) > 70


def test_figures_leave_matplotlib_as_it_was():
    from cardioscar.report.bullseye import bullseye_figure

    before = dict(matplotlib.rcParams)
    bullseye_figure({1: 0.5})
    assert dict(matplotlib.rcParams) == before


def test_equal_figures_give_equal_bytes():
    def draw() -> bytes:
        figure = style.new_figure(2, 2)
        figure.subplots().plot([0, 1])
        return style.png_bytes(figure)

    assert draw() == draw()
