"""Curves of strain: what a reader reads off their axes."""

from __future__ import annotations

import numpy as np

from cardioscar.activation.strain.matrix import StrainSlice
from cardioscar.report.activation.curves import curves_figure


def test_an_empty_panel_takes_no_ticks_from_the_others() -> None:
    times = np.arange(0.0, 400.0, 20.0)
    strain = np.broadcast_to(-0.15 * np.sin(np.pi * times / 400), (24, len(times))).copy()
    figure = curves_figure([StrainSlice(strain, times) for _ in range(5)])  # three of eight panels are empty
    figure.canvas.draw()
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels() if label.get_text()]
    assert len(shown) >= 3
    assert [panel.axison for panel in figure.axes] == [True] * 5 + [False] * 3
