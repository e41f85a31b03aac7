"""Figures of several methods show every method, its median where it is, and pass over what is undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cardioscar.report.lge.robustness import levels_figure, methods_figure
from cardioscar.report.style import png_bytes


def test_medians_stand_where_they_are_and_undefined_subjects_are_left_out() -> None:
    scores = {"ours": {"clean": [0.2, 0.4, 0.9, math.nan], "noisy": [0.1, 0.2, 0.3]}, "fwhm": {"clean": [0.5, 0.6]}}
    figure = methods_figure(scores)
    [axes] = figure.axes
    assert [one.get_text() for one in axes.get_yticklabels()] == ["clean", "noisy"]
    legend = axes.get_legend()
    assert legend is not None
    assert [one.get_text() for one in legend.get_texts()] == ["ours", "fwhm"]
    drawn = [np.asarray(line.get_xdata(), dtype=float) for line in axes.lines]
    medians = sorted(float(one[0]) for one in drawn if len(one) == 1)
    assert medians == pytest.approx([0.2, 0.4, 0.55])
    assert png_bytes(figure).startswith(b"\x89PNG")


def test_levels_are_in_order_with_their_medians() -> None:
    figure = levels_figure(
        {"ours": {4096.0: [0.6, 0.8], 256.0: [0.1, 0.3, math.nan], 1024.0: [math.nan]}, "nobody": {256.0: []}},
        level="Slices", log=True,
    )  # fmt: skip
    [axes] = figure.axes
    [line] = axes.lines
    np.testing.assert_allclose(np.asarray(line.get_xdata(), dtype=float), np.array([256.0, 4096.0]))
    np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), np.array([0.2, 0.7]))
    assert axes.get_xscale() == "log"
    assert [one.get_text() for one in axes.get_xticklabels()] == ["256", "1024", "4096"]
