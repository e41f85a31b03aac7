"""Colour maps of a plan, beside that of scar: lightness changes evenly in each, so that order survives grey print."""

from __future__ import annotations

from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap

ONSET_CMAP = colormaps["viridis"].with_extremes(bad=(0, 0, 0, 0))
"""Onset of shortening, early dark to late bright."""
SCORE_CMAP = LinearSegmentedColormap.from_list(
    "cardioscar_score", ["#f3f5ef", "#cfe3d0", "#9fcdb4", "#66b096", "#348d7b", "#146a62", "#0a4447"]
).with_extremes(bad=(0, 0, 0, 0))
"""Score of a site, from 0."""
SITE = "#ffb000"
"""Ball of a site."""
