"""The report of a training: one HTML page with its curves, settings, split and figures of the validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from cardioscar.config import flattened
from cardioscar.learning.curves import Curves
from cardioscar.learning.split import Split
from cardioscar.report.line_chart import line_svg
from cardioscar.report.page import environment, inline_png, is_number, number, template_source, write_page

ENDS = {
    "completed": "All steps done",
    "patience": "Stopped: no better figure",
    "diverged": "Diverged: weights before it",
    "silent units": "Silent: learned nothing",
}
"""Stop reasons in words."""


_MARK = '<p class="eyebrow">cardioscar · training report</p>'.encode()


@dataclass(frozen=True)
class TrainingSummary:
    """What is said of a training.

    Attributes:
        name: Name of the network.
        curves: Losses, learning rates, validation.
        stop_reason: Why it ended, see `learning.loop.TrainResult`.
        best_step: Steps done when the weights that are kept were.
        version: Version of cardioscar.
        seconds: Wall time; None where the page shall be the same for the same training.
        device: Where, as text.
        settings: Settings by name; mappings are shown flat.
        split: Subjects by what they are for; their numbers and the hash are shown, no id.
        figures: Figures of the network that is kept, by name.
        overlays: PNG pictures by caption.
    """

    name: str
    curves: Curves
    stop_reason: str = "completed"
    best_step: int = 0
    version: str = ""
    seconds: float | None = None
    device: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    split: Split | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    overlays: Mapping[str, bytes] = field(default_factory=dict)


def write_training_report(path: Path, summary: TrainingSummary) -> Path:
    """Write the page, self-contained: it opens anywhere, offline, and loads nothing.

    Args:
        path: File to write.
        summary: The training.

    Returns:
        The file.
    """
    css = Markup(template_source("page.css") + template_source("training.css"))  # noqa: S704 (our own)
    html = (
        environment()
        .get_template("training.html")
        .render(
            summary=summary,
            css=css,
            end=ENDS.get(summary.stop_reason, summary.stop_reason),
            good=summary.stop_reason in ("completed", "patience"),
            steps=len(summary.curves.losses),
            charts=_charts(summary),
            settings=list(flattened(summary.settings).items()),
            figures=[(name, number(value, 4)) for name, value in summary.figures.items()],
            overlays=[(caption, inline_png(data)) for caption, data in summary.overlays.items()],
        )
    )
    return write_page(path, html)


def is_training_report(path: Path) -> bool:
    """Whether a file is a page that `write_training_report` wrote."""
    try:
        return _MARK in path.read_bytes()
    except OSError:
        return False


def _charts(summary: TrainingSummary) -> list[dict[str, Any]]:
    """One chart a figure; what has no value that can be drawn has no chart."""
    charts = []
    for name, points in summary.curves.as_metrics().items():
        log = name.startswith("train/") and all(value > 0 for _, value in points)
        if points and all(is_number(value) for _, value in points):
            title = name.removeprefix("train/").removeprefix("validation/").replace("_", " ")
            where = "training" if name.startswith("train/") else "validation"
            svg = line_svg(points, name=f"{title} in {where}", log=log, mark=summary.best_step or None)
            charts.append({"title": title, "where": where, "log": log, "svg": svg})
    return charts
