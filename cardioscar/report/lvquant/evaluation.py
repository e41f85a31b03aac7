"""Table, JSON and page of a cohort that was held against its truth."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from cardioscar import __version__
from cardioscar.files.atomic import atomic_file
from cardioscar.lvquant.agreement import NAMES, CohortAgreement
from cardioscar.lvquant.evaluation import OVERLAPS, VOLUMES, Evaluation, SubjectEvaluation
from cardioscar.report.lvquant.published import PUBLISHED
from cardioscar.report.page import environment, inline_png, number, template_source, write_page
from cardioscar.report.style import ACCENT, INK, MUTED, RULE, new_figure, png_bytes, styled

TITLES = {
    "lv_edv_ml": "End-diastolic volume, ml", "lv_esv_ml": "End-systolic volume, ml",
    "lv_ef_percent": "Ejection fraction, %", "lv_mass_g": "Mass, g",
}  # fmt: skip
_OVERLAP_TITLES = ("Cavity at end-diastole", "Cavity at end-systole", "Wall at end-diastole", "Wall at end-systole")


def write_evaluation(out: Path, found: Evaluation) -> None:
    """Write `evaluation.json`, `evaluation.csv` and `evaluation.html`, each whole or not at all.

    Args:
        out: Folder, which exists.
        found: What was compared.

    Raises:
        OSError: If the folder cannot be written.
    """
    with atomic_file(out / "evaluation.json") as partial:
        text = json.dumps(evaluation_mapping(found), indent=1, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")
    with atomic_file(out / "evaluation.csv") as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        rows = [_row(one) for one in found.subjects]
        table = csv.DictWriter(stream, list(rows[0]) if rows else ["subject"], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    figure = bland_altman_figure(found)
    html = (
        environment()
        .get_template("lvquant_evaluation.html")
        .render(
            subjects=len(found.subjects),
            failed=sorted(found.failed.items()),
            tiles=_tiles(found),
            indices=_indices(found),
            groups=_groups(found),
            volumes=_volumes(found),
            overlaps=_overlaps(found),
            rows=[{k: v if isinstance(v, str) else _cell(v) for k, v in _row(one).items()} for one in found.subjects],
            doubts=[(one.subject, text) for one in found.subjects for text in one.doubts],
            picture=inline_png(png_bytes(figure)) if figure else "",
            version=__version__,
            css=Markup(template_source("page.css") + template_source("lvquant.css")),  # noqa: S704 (our own)
        )
    )
    write_page(out / "evaluation.html", html)


def evaluation_mapping(found: Evaluation) -> dict[str, Any]:
    """All figures, ready for JSON; null where one is undefined."""
    whole: dict[str, Any] = _plain(
        {
            "subjects": len(found.subjects),
            "failed": dict(found.failed),
            "indices": {way: vars(one) | {"indices": _vars(one)} for way, one in found.agreement.items()},
            "volumes": {name: vars(one) for name, one in found.volumes.items()},
            "overlap": {name: _spread(found.overlap(name)) for name in OVERLAPS},
            "published_on_other_data": [vars(one) for one in PUBLISHED],
            "by_subject": [_row(one) | {"doubts": list(one.doubts)} for one in found.subjects],
        }
    )
    return whole


@styled
def bland_altman_figure(found: Evaluation) -> Figure | None:
    """Found minus true over the mean of both, of each number of a stack; None where no subject has one."""
    drawn = [name for name in VOLUMES if found.volumes[name].subjects]
    if not drawn:
        return None
    figure = new_figure(10.6, 3.0, gap=0.05)
    for axes, name in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn, strict=True):
        pairs = [(getattr(one.reference, VOLUMES[name]), one.found[name]) for one in found.subjects]
        true, mine = np.array([pair for pair in pairs if None not in pair], dtype=float).T
        between = found.volumes[name]
        axes.axhline(0, color=RULE, lw=1)
        axes.plot((true + mine) / 2, mine - true, "o", color=ACCENT, ms=4.5, alpha=0.8)
        for value, style in ((between.bias, "-"), (between.limits[0], "--"), (between.limits[1], "--")):
            if math.isfinite(value):
                axes.axhline(value, color=INK, lw=1, ls=style)
        if not math.isfinite(between.bias):
            axes.text(0.5, 0.02, "too few for limits", transform=axes.transAxes, ha="center", size=7.5, color=MUTED)
        axes.set(title=TITLES[name], xlabel="mean of found and true")
    figure.axes[0].set_ylabel("found minus true")
    return figure


def _row(one: SubjectEvaluation) -> dict[str, Any]:
    row: dict[str, Any] = {"subject": one.subject}
    for name, key in VOLUMES.items():
        row |= {name: one.found[name], f"{name}_true": getattr(one.reference, key), f"{name}_held": one.held[name]}
    row |= {name: getattr(one.reference, name) for name in OVERLAPS}
    return row | {"ed_frames_apart": one.ed_apart, "es_frames_apart": one.es_apart}


def _vars(one: CohortAgreement) -> dict[str, Any]:
    return {name: vars(index) for name, index in one.indices.items()}


def _spread(values: np.ndarray) -> dict[str, float | int]:
    if not len(values):
        return {"mean": math.nan, "sd": math.nan, "min": math.nan, "subjects": 0}
    sd = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return {"mean": float(values.mean()), "sd": sd, "min": float(values.min()), "subjects": len(values)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any) -> Markup | str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    return number(value, 3 if value is not None and abs(value) <= 1 else 1)


def _tiles(found: Evaluation) -> list[tuple[str, Markup, str]]:
    ed, es = (_spread(found.overlap(name)) for name in OVERLAPS[:2])
    return [
        ("Cavity Dice at end-diastole", number(ed["mean"], 3), f"{ed['subjects']} subjects"),
        ("Cavity Dice at end-systole", number(es["mean"], 3), f"{es['subjects']} subjects"),
        *(
            (
                f"{TITLES[name].split(',')[0]}, error",
                number(found.volumes[name].mae, 1, TITLES[name].split(", ")[1]),
                "",
            )
            for name in VOLUMES
        ),
    ]


def _indices(found: Evaluation) -> list[dict[str, Any]]:
    rows = []
    for name in NAMES:
        cells = []
        for one in found.agreement.values():
            index = one.indices[name]
            low, high = index.limits
            cells.append(
                [number(index.mae, 1 if name.endswith("mm2") else 2), number(index.pearson, 3), number(index.bias, 2),
                 number(low, 1) + " to " + number(high, 1)]
            )  # fmt: skip
        rows.append({"name": name.replace("_mm2", ", mm²").replace("_mm", ", mm"), "cells": cells})
    return rows


def _groups(found: Evaluation) -> list[dict[str, Any]]:
    """Mean errors of areas, dimensions, thicknesses and phase; then the published ones."""
    rows = []
    for way, mine in found.agreement.items():
        errors = [number(mine.mae[key], n) for key, n in (("areas_mm2", 0), ("dimensions_mm", 2), ("thickness_mm", 2))]
        ef = found.volumes["lv_ef_percent"].mae if way == "measured" else None
        cells = [*errors, number(mine.phase_error_percent, 1), number(ef, 1)]
        rows.append({"name": f"this cohort, {way}", "ours": True, "cells": cells})
    for one in PUBLISHED:
        values = (one.areas_mm2, one.dimensions_mm, one.thickness_mm, one.phase_percent, one.ef_points)
        cells = [number(v, n) for v, n in zip(values, (0, 2, 2, 1, 1), strict=True)]
        rows.append({"name": f"{one.source} (other data)", "ours": False, "cells": cells})
    return rows


def _volumes(found: Evaluation) -> list[dict[str, Any]]:
    return [
        {
            "name": TITLES[name],
            "cells": [
                number(one.mae, 1), number(one.bias, 1), number(one.limits[0], 1) + " to " + number(one.limits[1], 1),
                number(one.pearson, 3), number(one.held, 0, "%", 100), str(one.subjects),
            ],
        }
        for name, one in found.volumes.items()
    ]  # fmt: skip


def _overlaps(found: Evaluation) -> list[dict[str, Any]]:
    rows = []
    for name, title in zip(OVERLAPS, _OVERLAP_TITLES, strict=True):
        one = _spread(found.overlap(name))
        cells = [number(one["mean"], 3), number(one["sd"], 3), number(one["min"], 3), str(one["subjects"])]
        rows.append({"name": title, "cells": cells})
    return rows
