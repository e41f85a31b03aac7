"""The page of a plan: one HTML file that needs no other, with links to the pages of its modalities beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from cardioscar.files.atomic import atomic_file
from cardioscar.report.page import environment, inline_picture, script_policy, template_source, write_page
from cardioscar.report.style import png_bytes
from cardioscar.report.viewer import viewer_script

VERDICTS = {"pass": "Pass", "review": "Review", "fail": "Fail"}
STATES = {"used": "used", "missing": "not there", "failed": "could not be used"}
PAGES = {"scar map": "scar.html", "LV function": "function.html", "activation": "activation.html"}
"""Pages of the families beside the plan."""
FUNCTION = (
    ("lv_ef_percent", "Ejection fraction", "%", 1), ("lv_edv_ml", "End-diastolic volume", "ml", 1),
    ("lv_esv_ml", "End-systolic volume", "ml", 1), ("lv_sv_ml", "Stroke volume", "ml", 1),
    ("lv_mass_g", "Mass", "g", 1),
)  # fmt: skip

Draw = Callable[[], Figure | str]


@dataclass(frozen=True)
class PlanPage:
    """What the page says.

    Attributes:
        subject: Id.
        content: Content of `plan.json`.
        numbers: Flat numbers of the plan.
        warnings: Rows of `stage` and `text`.
        pages: Names of the pages of modalities that lie beside it.
        septum_warning: Why names of segments are not to be relied on; empty if they are.
        rules: Where a lead may stand, in sentences.
        version: Of cardioscar.
        created: Time of the result, as text.
        inputs: sha256 of each input file by name.
        config: Effective settings as JSON.
        viewer: The view in 3D, of `viewer_content`; None where there is nothing to turn.
    """

    subject: str
    content: Mapping[str, Any]
    numbers: Mapping[str, float | None]
    warnings: Sequence[Mapping[str, str]] = ()
    pages: frozenset[str] = frozenset()
    septum_warning: str = ""
    rules: str = ""
    version: str = ""
    created: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    viewer: Mapping[str, Any] | None = None


def write_plan_page(folder: Path, page: PlanPage, pictures: Mapping[str, Draw]) -> Path:
    """Write `figures/*.png` and `report.html`.

    Args:
        folder: The patient's folder.
        page: What it says.
        pictures: What draws each figure, by its name; a text in place of a figure says why there is none.

    Raises:
        PlatformError: If it cannot be written.
    """
    drawn: dict[str, str] = {}
    absent: dict[str, str] = {}
    for name, draw in pictures.items():
        figure = draw()
        if isinstance(figure, str):
            absent[name] = figure
            continue
        png = png_bytes(figure)
        (folder / "figures").mkdir(exist_ok=True)
        with atomic_file(folder / "figures" / f"{name}.png") as partial:
            partial.write_bytes(png)
        drawn[name] = inline_picture(png)
    html = environment().get_template("study.html").render(pictures=drawn, absent=absent, **_content(page))
    return write_page(folder / "report.html", html)


def _content(page: PlanPage) -> dict[str, Any]:
    content = page.content
    script = viewer_script() if page.viewer else ""
    modalities = [
        {
            **one,
            "word": STATES[one["state"]],
            "kind": {"used": one["verdict"] or "pass", "missing": "none", "failed": "failed"}[one["state"]],
            "page": PAGES.get(one["name"]) if PAGES.get(one["name"]) in page.pages else None,
        }
        for one in content["modalities"]
    ]
    numbers, sites = page.numbers, content["sites"]
    return {
        "subject": page.subject,
        "verdict": {"kind": content["qc"]["verdict"], "name": VERDICTS[content["qc"]["verdict"]]},
        "reasons": content["qc"]["reasons"],
        "modalities": modalities,
        "lede": _lede(modalities),
        "n": numbers,
        "best": sites[0] if sites else None,
        "sites": sites,
        "segments": content["segments"],
        "corridors": content["corridors"],
        "has_scar": any(one["name"] == "scar map" and one["state"] == "used" for one in modalities),
        "function": [(title, numbers.get(key), unit, digits) for key, title, unit, digits in FUNCTION]
        if numbers.get("lv_ef_percent") is not None or numbers.get("lv_edv_ml") is not None
        else [],
        "alignment": content["alignment"],
        "wall": content["wall"],
        "warnings": page.warnings,
        "septum_warning": page.septum_warning,
        "rules": page.rules,
        "version": page.version,
        "created": page.created,
        "inputs": sorted(page.inputs.items()),
        "config": page.config,
        "viewer": page.viewer,
        "script": Markup(script),  # noqa: S704 (our own)
        "policy": Markup(script_policy(script) if script else "'none'"),  # noqa: S704 (a hash)
        "css": Markup(template_source("page.css") + template_source("viewer.css")),  # noqa: S704 (our own style sheets)
    }


def _lede(modalities: Sequence[Mapping[str, Any]]) -> str:
    used = [f"{one['name']} ({one['source']})" for one in modalities if one["state"] == "used"]
    rest = [f"{one['name']} {one['word']}" for one in modalities if one["state"] != "used"]
    return "Made of " + ", ".join(used) + "." + (f" {'; '.join(rest).capitalize()}." if rest else "")
