"""Draw the figure that explains uncertainty, computed on one line of wall: `python -m docs.uncertainty_figure`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

PICTURE = Path(__file__).resolve().parent / "images" / "uncertainty.svg"

STEP_MM, LENGTH_MM = 0.5, 60.0
SLICES_MM = (5.0, 15.0, 25.0, 35.0, 45.0, 55.0)
THICKNESS_MM = 6.0
SCALE_MM = 7.0
TRIALS, KEPT = 20_000, 400
AGREES = 0.2
"""How far a possible heart's mean in a slice may lie from the pixel."""


def wall() -> tuple[np.ndarray, np.ndarray]:
    """Positions along a line of wall in mm, and whether there is scar: two patches with living tissue between."""
    along = np.arange(STEP_MM / 2, LENGTH_MM, STEP_MM)
    return along, ((along > 12) & (along < 27)) | ((along > 38) & (along < 49))


def slice_means(along: np.ndarray) -> np.ndarray:
    """Matrix that averages the line over the thickness of each slice, shape (slices, positions)."""
    inside = np.abs(along - np.array(SLICES_MM)[:, None]) < THICKNESS_MM / 2
    return np.asarray(inside / inside.sum(1, keepdims=True))


def possible_hearts(along: np.ndarray, pixels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Random fields whose slice means agree with the pixels, cut to scar or no scar, shape (draws, positions)."""
    distance = np.abs(along[:, None] - along) * np.sqrt(5) / SCALE_MM
    prior = (1 + distance + distance**2 / 3) * np.exp(-distance)  # Matérn 5/2
    means, rng = slice_means(along), np.random.default_rng(seed)
    noise = 0.05 * np.eye(len(means))
    gain = prior @ means.T @ np.linalg.inv(means @ prior @ means.T + noise)
    fields = rng.multivariate_normal(np.zeros(len(along)), prior + 1e-6 * np.eye(len(along)), TRIALS)
    seen = fields @ means.T + rng.normal(0, np.sqrt(0.05), (TRIALS, len(means)))
    hearts = fields + (2 * pixels - 1 - seen) @ gain.T > 0
    agree = np.abs(hearts @ means.T - pixels).max(1) < AGREES
    return np.asarray(hearts[agree][:KEPT])


def figure() -> Figure:
    """The three panels: what is there and what is seen, possible hearts, their mean and spread."""
    along, scar = wall()
    pixels = slice_means(along) @ scar
    hearts = possible_hearts(along, pixels)
    probability = hearts.mean(0)
    drawn = Figure(figsize=(7.2, 5.4), layout="constrained")
    seen, many, said = drawn.subplots(3, 1, sharex=True)
    seen.fill_between(along, scar, step="mid", color="#c9a27a", label="scar that is there")
    seen.bar(SLICES_MM, pixels, THICKNESS_MM, color="none", edgecolor="black", label="what each slice shows: a mean")
    extent = (0, LENGTH_MM, 24, 0)
    many.imshow(hearts[:24], aspect="auto", cmap="Oranges", extent=extent, interpolation="nearest", vmax=1.4)
    said.plot(along, probability, color="#7a1f3d", label="scar probability")
    said.plot(along, np.sqrt(probability * (1 - probability)), color="#1f6f8b", label="standard deviation")
    for panel in (seen, said):
        panel.set_ylim(0, 1.4)
        panel.legend(loc="upper center", ncols=2, fontsize=8, frameon=False)
    said.axhline(0.5, color="grey", linewidth=0.8, linestyle=":")
    seen.set_title("One line of wall, six slices", loc="left", fontsize=10)
    title = f"24 of {len(hearts)} possible hearts: each agrees with the slices, and they differ between them"
    many.set_title(title, loc="left", fontsize=10)
    lower, upper = np.percentile(hearts.sum(1) * STEP_MM, (5, 95))
    text = f"What is said of it: scar {lower:.0f} to {upper:.0f} mm in nine of ten (there: {scar.sum() * STEP_MM:.0f})"
    said.set_title(text, loc="left", fontsize=10)
    many.set_yticks([])
    said.set_xlabel("along the wall, mm")
    return drawn


def main() -> int:
    """Write the picture."""
    with mpl.rc_context({"svg.hashsalt": "cardioscar", "svg.fonttype": "path"}):
        figure().savefig(PICTURE, metadata={"Date": None})
    lines = PICTURE.read_text(encoding="utf-8").splitlines()
    PICTURE.write_text("\n".join([*map(str.rstrip, lines), ""]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
