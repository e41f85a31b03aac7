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
    assert [one.get_text() for one in axes.get_legend().get_texts()] == ["ours", "fwhm"]
    medians = sorted(float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 1)
    assert medians == pytest.approx([0.2, 0.4, 0.55])
    assert png_bytes(figure).startswith(b"\x89PNG")


def test_levels_are_in_order_with_their_medians() -> None:
    figure = levels_figure(
        {"ours": {4096.0: [0.6, 0.8], 256.0: [0.1, 0.3, math.nan], 1024.0: [math.nan]}, "nobody": {256.0: []}},
        level="Slices", log=True,
    )  # fmt: skip
    [axes] = figure.axes
    [line] = axes.lines
    np.testing.assert_allclose(line.get_xdata(), [256, 4096])
    np.testing.assert_allclose(line.get_ydata(), [0.2, 0.7])
    assert axes.get_xscale() == "log"
    assert [one.get_text() for one in axes.get_xticklabels()] == ["256", "1024", "4096"]
