"""One look for every figure: colours, colour maps, type sizes, and the way to a PNG."""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

DPI = 170

INK = "#1d2733"
MUTED = "#66727f"
RULE = "#d5dbe1"
PAPER = "#ffffff"

# Okabe & Ito (2008): told apart with every common colour vision deficiency.
METHOD_COLOURS = {"cardioscar": "#d55e00", "baseline": "#0072b2", "log_odds": "#56b4e9", "signed_distance": "#009e73"}
ACCENT = METHOD_COLOURS["cardioscar"]
SECOND = METHOD_COLOURS["baseline"]
HIDDEN = "#8a4fc7"
"""Frame of a slice whose scar the fit did not see."""
OBSERVED = "#1e90ff"
"""Outline of the scar that an observer drew."""
SEPTUM = "#2fbf71"
"""Mark of the septum, where it is known."""
GUESS = "#ffb000"
"""What is guessed: the septum from the scanner's axes, and the names that rest on it."""

# Lightness falls in even steps (CIE L* 95 to 20), so the order survives grey-scale print and colour blindness.
SCAR_CMAP = LinearSegmentedColormap.from_list(
    "cardioscar_scar", ["#f6efe6", "#f7d3ae", "#f2a678", "#e4714f", "#c53c48", "#921a4c", "#4b1140"]
).with_extremes(bad=(0, 0, 0, 0))
"""Scar probability or scar fraction, 0 to 1."""

UNCERTAINTY_CMAP = LinearSegmentedColormap.from_list(
    "cardioscar_uncertainty", ["#f1f4f2", "#c5e0dc", "#8bc3c9", "#5099b4", "#336b99", "#2f4077", "#241a47"]
).with_extremes(bad=(0, 0, 0, 0))
"""Standard deviation of the scar probability, from 0."""

THICKENING_CMAP = LinearSegmentedColormap.from_list(
    "cardioscar_thickening",
    ["#8c3a00", "#d98a3d", "#f4f4f2", "#5099b4", "#241a47"],
).with_extremes(bad=(0, 0, 0, 0))
"""Thinning of the wall (orange) and its thickening (blue), to be drawn with 0 in the middle."""

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9.0,
    "axes.titley": 1.0,  # no ticks stand above the axes: looking for them took as long as drawing
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": "#edf0f3",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "hatch.color": "#c3cad1",
    "hatch.linewidth": 0.8,
}
styled = matplotlib.rc_context(RC)
"""Decorator: draw under `RC` and leave matplotlib's own settings as they were."""


def new_figure(width_in: float, height_in: float, *, constrained: bool = True, gap: float = 0.02) -> Figure:
    """An empty figure on its own Agg canvas, outside pyplot's global list, so that nothing keeps it alive.

    Args:
        width_in: Width in inches.
        height_in: Height in inches.
        constrained: Let matplotlib place the axes; else the caller does.
        gap: Between the axes, as a fraction of them, if matplotlib places them.

    Returns:
        The figure.
    """
    layout = ConstrainedLayoutEngine(wspace=gap, hspace=gap) if constrained else None
    figure = Figure(figsize=(width_in, height_in), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def png_bytes(figure: Figure) -> bytes:
    """Encode a figure as PNG, without time stamp or software name: equal figures give equal bytes."""
    canvas, stream = figure.canvas, BytesIO()
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # `savefig` would go through the figure twice
    opaque = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
    # level 3 takes half of the time of the usual 6, for files as large as theirs with a channel of opacity
    Image.fromarray(opaque).save(stream, format="PNG", dpi=(DPI, DPI), compress_level=3)
    return stream.getvalue()


def panel_columns(figure: Figure) -> list[tuple[float, float, float, float]]:
    """Where panels beside each other stand in a figure that was drawn, cut in the middle between them.

    Returns:
        Left, top, right and bottom of each, in shares of the figure, from its top left.
    """
    seen = [one.get_tightbbox() for one in figure.axes]
    places = [(box.x0 / figure.bbox.width, box.x1 / figure.bbox.width) for box in seen if box is not None]
    cuts = [0.0, *((before[1] + after[0]) / 2 for before, after in pairwise(places)), 1.0]
    return [(left, 0.0, right, 1.0) for left, right in pairwise(cuts)]


def ink_on(colour: Any) -> str:
    """Text colour that stays readable on a background colour.

    >>> ink_on("#4b1140"), ink_on("#f6efe6")
    ('#ffffff', '#1d2733')
    """
    # Relative luminance, WCAG 2.1; 0.3 is where white and the ink contrast about equally well.
    rgb = np.asarray(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return INK if float(linear @ (0.2126, 0.7152, 0.0722)) > 0.3 else PAPER


def colour_bar(figure: Figure, mappable: Any, label: str, **place: Any) -> Any:
    """A slim colour bar without a frame; `place` goes to `Figure.colorbar` (ax or cax, orientation, fraction…)."""
    bar = figure.colorbar(mappable, **place)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    bar.set_label(label, color=MUTED, size=8)
    return bar


def note(axes: Any, text: str) -> None:
    """Say in the middle of an otherwise empty panel why it is empty."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED, style="italic")
