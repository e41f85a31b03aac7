"""From a plan to its page: what is drawn, and what is said beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cardioscar import __version__
from cardioscar.report.activation.matrix import matrix_figure
from cardioscar.report.offscreen import SceneUnavailableError
from cardioscar.report.scar3d.channels import COLOURS
from cardioscar.report.study.bullseyes import bullseyes_figure, discs_of
from cardioscar.report.study.page import PlanPage, write_plan_page
from cardioscar.report.study.scene import Layer, layers_of, plan_scenes
from cardioscar.report.viewer import ShownField, ShownLine, ShownScar, viewer_content
from cardioscar.scar3d.observation.septum import GUESSED
from cardioscar.shard.loop import Work
from cardioscar.stages.study.plan_files import OPEN
from cardioscar.stages.study.planning import Planned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOUBT = (0.25, 0.75)
"""Probabilities between which scar is in doubt, of scar maps of earlier versions, which do not say."""
_PAGES = {"scar_maps": "scar.html", "functions": "function.html", "activations": "activation.html"}


def write_report(job: Work, made: Planned, *, figures: bool) -> None:
    """Write `report.html` and `figures/*.png` into the patient's folder; the other files are there.

    Args:
        job: The patient's work in `plan`.
        made: The plan.
        figures: Draw the pictures.
    """
    metrics = json.loads((job.out / "metrics.json").read_text(encoding="utf-8"))
    rows = job.upstream_status.values()
    inputs = {name: sha for row in rows for name, sha in row.inputs.items() if "/" not in name}
    configs = {row.stage: row.config for row in rows}
    doubtful = made.wall is not None and made.wall.septum in ("guessed", "unknown")
    page = PlanPage(
        subject=job.subject,
        content=json.loads((job.out / "plan.json").read_text(encoding="utf-8")),
        numbers=metrics["numbers"],
        warnings=metrics["warnings"],
        pages=frozenset(page for name, page in _PAGES.items() if (job.upstream[name] / page).is_file()),
        septum_warning=GUESSED if doubtful else "",
        rules=rules(made),
        version=__version__,
        created=job.upstream_status["scar_maps"].started,
        inputs=inputs,
        config=json.dumps(configs, indent=1, sort_keys=True),
        viewer=_viewer(made, doubtful=doubtful) if figures else None,
    )
    not_asked = "Figures were not asked for."
    front, back = _scenes(made) if figures else (not_asked, not_asked)
    pictures = {
        "scene": lambda: front,
        "opposite": lambda: back,
        "bullseyes": lambda: _bullseyes(made, doubtful=doubtful) if figures else not_asked,
        "strain": lambda: _strain(job, made) if figures else not_asked,
    }
    write_plan_page(job.out, page, pictures)


def rules(made: Planned) -> str:
    """Where a lead was looked for, in a sentence."""
    config = made.rules
    where = {"epicardium": "on the epicardium", "endocardium": "on the endocardium", "wall": "anywhere in the wall"}
    parts = [where[config.surface]]
    if config.away_from_septum:
        parts.append(f"farther than {config.septum_deg:.0f}° from the middle of the septum")
    if config.away_from_apex:
        parts.append(f"above the apical {config.apex_share:.0%} of the cavity")
    return f"Looked for {', '.join(parts)}, {config.apart_mm:.0f} mm and more from each other."


def _scenes(made: Planned) -> tuple[Figure | str, Figure | str]:
    found = _both_sides(made)
    return (found, found) if isinstance(found, str) else found


def _both_sides(made: Planned) -> tuple[Figure, Figure] | str:
    if made.wall is None:
        return "There is no 3D view: there is no wall to show anything on."
    layers = _layers(made)
    if not layers:
        return "There is no 3D view: neither scar nor activation is known."
    sites = np.array([one.position_mm for one in made.joined.sites]).reshape(-1, 3)
    try:
        return plan_scenes(
            made.wall.mesh, layers, sites, axis=made.wall.long_axis, septum=made.wall.septum_direction
        )  # fmt: skip
    except SceneUnavailableError as error:
        return f"There is no 3D view. {error}"


def _layers(made: Planned) -> list[Layer]:
    """What the wall can be coloured by; the scar map first, where there is one."""
    if made.wall is None:
        return []
    data, fields = made.wall.mesh.grid.point_data, made.joined.fields
    scar = np.asarray(data["scar_probability"]) if "scar_probability" in data else None
    return layers_of(scar, fields.get("tos_ms"), fields.get("score_ms"))


def _viewer(made: Planned, *, doubtful: bool) -> dict[str, Any] | None:
    """Scar, onset and score on the wall to turn in the hand, with corridors and sites."""
    layers = _layers(made)
    if made.wall is None or not layers:
        return None
    data, facts, scar = made.wall.mesh.grid.point_data, made.modalities[0].facts, None
    if "scar_probability" in data:
        sd = np.asarray(data["scar_uncertainty"], dtype=float) if "scar_uncertainty" in data else None
        probability = np.asarray(data["scar_probability"], dtype=float)
        scar = ShownScar(probability, sd, float(facts["threshold"]), tuple(facts.get("doubt_range", DOUBT)))
    fields = [
        ShownField(one.key, one.title, one.unit, np.asarray(one.values, dtype=float), one.limits, one.cmap)
        for one in layers
        if one.key != "scar"
    ]
    lines = [
        ShownLine(
            np.array(row["centreline_mm"], dtype=float), COLOURS[(int(row["id"]) - 1) % len(COLOURS)],
            row["open_probability"] is None or row["open_probability"] >= OPEN,
        )
        for row in (facts.get("channels") or () if made.modalities[0].used else ())
        if row.get("centreline_mm")
    ]  # fmt: skip
    return viewer_content(
        made.wall.mesh, scar, fields, axis=made.wall.long_axis, septal_direction=made.wall.septum_direction,
        guessed=doubtful, lines=lines, marks_mm=[(str(one.rank), one.position_mm) for one in made.joined.sites],
    )  # fmt: skip


def _bullseyes(made: Planned, *, doubtful: bool) -> Figure | str:
    discs = discs_of(made.joined.segments, scar_known=made.modalities[0].used)
    if not discs:
        return "There are no bullseyes: activation is not known on a wall with segments."
    sites = [(one.rank, one.segment) for one in made.joined.sites]
    warning = "segments may bear wrong names: the septum is a guess" if doubtful else ""
    return bullseyes_figure(discs, sites, warning=warning)


def _strain(job: Work, made: Planned) -> Figure | str:
    from cardioscar.activation.formats.onset_archive import read_heart_onsets
    from cardioscar.activation.formats.strain_files import read_strain

    folder = job.upstream["activations"]
    if not made.modalities[2].used:
        return "There is no strain to show."
    slices, heart = read_strain(folder / "strain.npz"), read_heart_onsets(folder / "onsets.npz")
    return matrix_figure(slices, list(heart.slices))
