"""The page of one subject: figures as files, and one HTML page that holds everything."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup
from matplotlib.colors import TwoSlopeNorm

from cardioscar.lvquant.subject_metrics import SubjectMetrics
from cardioscar.report.bullseye import value_bullseye
from cardioscar.report.lvquant.cine_loop import loop_slices, loop_webp
from cardioscar.report.lvquant.content import page_content
from cardioscar.report.lvquant.curves import curves_figure
from cardioscar.report.lvquant.frames import frames_figure, panel_boxes
from cardioscar.report.lvquant.views import CineViews
from cardioscar.report.page import environment, inline_panels, inline_picture, template_source, write_page
from cardioscar.report.style import THICKENING_CMAP, panel_columns, png_bytes

_MOST_THICKENING = 80.0
"""Thickening at which the colours end, in %: a healthy wall thickens by 30 to 70 %."""

_MOST_THINNING = 40.0
"""Thinning at which they end on the other side."""


@dataclass(frozen=True)
class CineReport:
    """What a subject's page is made of.

    Attributes:
        subject: Id.
        metrics: Content of `metrics.json`.
        views: Cine and labels; None draws no figure.
        version: Version of cardioscar that made the result.
        config: Effective configuration, ready for JSON.
        config_sha256: Its hash.
        inputs: SHA-256 of each input file by name.
    """

    subject: str
    metrics: SubjectMetrics
    views: CineViews | None = None
    version: str = ""
    config: Mapping[str, object] = field(default_factory=dict)
    config_sha256: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)


def write_cine_report(folder: Path, data: CineReport) -> Path:
    """Write `figures/` and `report.html`, which holds the figures and needs no other file.

    Args:
        folder: The subject's folder.
        data: What to report.

    Returns:
        Path of `report.html`.

    Raises:
        OSError: If the folder cannot be written.
    """
    pictures = _pictures(folder / "figures", data)
    moving = [] if data.views is None else [data.views.slice_numbers[k] for k in loop_slices(data.views)[::-1]]
    html = (
        environment()
        .get_template("lvquant.html")
        .render(
            pictures=pictures,
            **page_content(data.subject, data.metrics, data.views, moving=moving),
            provenance=[
                ("Version", data.version or "not recorded"),
                ("Configuration, SHA-256", _code(data.config_sha256)),
                ("Network, SHA-256", _code(data.metrics.network_sha256)),
                ("Septum", data.metrics.septum),
            ],
            inputs=sorted(data.inputs.items()),
            config_json=json.dumps(data.config, indent=2, sort_keys=True, default=str) if data.config else "",
            version=data.version,
            css=Markup(template_source("page.css") + template_source("lvquant.css")),  # noqa: S704 (our own)
        )
    )
    return write_page(folder / "report.html", html)


def _code(digest: str | None) -> Markup | str:
    return Markup("<code>{}</code>").format(digest) if digest else "not recorded"


def _pictures(folder: Path, data: CineReport) -> dict[str, str | list[dict[str, str]]]:
    """Draw what can be drawn; source of each picture by its name."""
    views, metrics = data.views, data.metrics
    if views is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    moving, still = loop_webp(views)
    (folder / "cine.webp").write_bytes(moving)
    pictures: dict[str, str | list[dict[str, str]]] = {"loop": _inline_webp(moving), "still": _inline_webp(still)}
    figures = {}
    if views.ed_frame is not None:
        figures["curves"] = curves_figure(views, metrics.systole)
        figures["frames"] = frames_figure(views)
    thickening = {one.segment: one.percent for one in metrics.thickening}
    if any(value is not None for value in thickening.values()):
        figures["thickening"] = value_bullseye(
            thickening,
            title="Thickening by AHA segment",
            label="Wall thickening from end-diastole to end-systole, %",
            norm=TwoSlopeNorm(0, -_MOST_THINNING, _MOST_THICKENING),
            cmap=THICKENING_CMAP,
            form="{:.0f} %",
            empty_note="hatched: no wall at both times",
            warning="" if metrics.septum == "given" else "septum assumed: names may be turned",
        )
    for name, figure in figures.items():
        png = png_bytes(figure)
        (folder / f"{name}.png").write_bytes(png)
        if name == "thickening":
            pictures[name] = inline_picture(png)
        else:
            boxes = panel_boxes(views) if name == "frames" else panel_columns(figure)
            pictures[name] = inline_panels(png, boxes, 80 if name == "frames" else 88)
    return pictures


def _inline_webp(data: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(data).decode("ascii")
