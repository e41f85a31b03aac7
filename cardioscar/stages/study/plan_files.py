"""The files of a plan: all of it as JSON, fields on the wall, tables of sites and corridors, numbers for the cohort."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cardioscar.files.atomic import atomic_file
from cardioscar.shard.concerns import gathered
from cardioscar.shard.loop import Work
from cardioscar.stages.study.modality import Modality
from cardioscar.stages.study.planning import HOW, Planned

OPEN = 0.5
"""Share of the draws in which a corridor must be open to be called so."""


def write_plan(job: Work, made: Planned, *, seconds: float) -> None:
    """Write `metrics.json`, `plan.json`, and `plan.vtu`, `sites.csv`, `corridors.csv` where there is something in them.

    Args:
        job: The patient's work in `plan`.
        made: The plan.
        seconds: Time that all stages took.
    """
    numbers = plan_numbers(made) | {"seconds": seconds}
    frames = made.placed.how if made.placed else ("misfit" if made.misfit else None)
    own = [(name, row.warnings) for name, row in job.upstream_status.items()]
    content = {
        "subject": job.subject,
        "numbers": numbers,
        "texts": {"modalities": ", ".join(made.used), "frames": frames},
        "warnings": gathered([*own, ("plan", job.warned())]),
        "qc": {"verdict": made.verdict, "reasons": list(made.reasons)},
    }
    _write_json(job.out / "metrics.json", content)
    _write_json(job.out / "plan.json", plan_content(made) | {"subject": job.subject, "qc": content["qc"]})
    if made.joined.sites:
        _write_csv(job.out / "sites.csv", [one.row() for one in made.joined.sites])
    if made.joined.corridors:
        _write_csv(job.out / "corridors.csv", made.joined.corridors)
    if made.wall is not None:
        _write_fields(job.out / "plan.vtu", made)


def plan_numbers(made: Planned) -> dict[str, float | None]:
    """Flat numbers of a plan, those of its modalities among them."""
    scar, function, activation = made.modalities
    found: dict[str, float | None] = {}
    for one in (scar, function, activation):
        found |= one.numbers if one.used else {}
    # each family has its own time; that of the plan is told apart
    found.pop("seconds", None)
    shares = [row["open_probability"] for row in made.joined.corridors]
    if scar.used:
        found["corridors"] = float(len(shares))
        found["corridors_open"] = float(sum(share is not None and share > OPEN for share in shares))
    found |= dict(made.joined.numbers)
    found["sites"] = float(len(made.joined.sites))
    if made.joined.sites:
        best = made.joined.sites[0]
        found |= {
            "best_score_ms": best.score_ms,
            "best_confidence": best.confidence,
            "best_segment": float(best.segment),
        }
    if made.placed is not None and made.placed.together is not None:
        together = made.placed.together
        found |= {"apart_mm": together.apart_mm, "tilt_deg": together.tilt_deg, "turn_deg": together.turn_deg}
    return found


def plan_content(made: Planned) -> dict[str, Any]:
    """All of a plan but its fields, ready for JSON."""
    return {
        "modalities": [_modality(one) for one in made.modalities],
        "wall": None if made.wall is None else {"source": made.wall.source, "septum": made.wall.septum},
        "alignment": alignment(made),
        "sites": [one.row() for one in made.joined.sites],
        "segments": list(made.joined.segments),
        "corridors": list(made.joined.corridors),
    }


def alignment(made: Planned) -> dict[str, Any] | None:
    """How strain was laid on the wall, and how far apart the two were; None where that was not tried."""
    if made.misfit:
        return {"how": "misfit", "sentence": made.misfit}
    placed = made.placed
    if placed is None:
        return None
    together, ratio = placed.together, placed.size_ratio
    return {
        "how": placed.how,
        "sentence": HOW[placed.how],
        "apart_mm": None if together is None else round(together.apart_mm, 1),
        "tilt_deg": None if together is None else round(together.tilt_deg, 1),
        "turn_deg": None if together is None else round(together.turn_deg, 1),
        "rotation": None if together is None else together.rotation.as_matrix().round(6).tolist(),
        "heights": placed.heights.round(3).tolist(),
        "size_ratio": None if ratio is None else round(ratio, 3),
    }


def _modality(one: Modality) -> dict[str, Any]:
    said = dataclasses.asdict(one)
    del said["facts"]
    return said


def _write_fields(path: Path, made: Planned) -> None:
    from cardioscar.imaging.formats.mesh_arrays import put_result
    from cardioscar.imaging.formats.mesh_files import write_mesh

    if made.wall is None:
        return
    mesh = made.wall.mesh
    for name, values in made.joined.fields.items():
        put_result(mesh.grid.point_data, name, values)
    site = np.zeros(mesh.n_nodes, dtype=np.uint8)
    for one in made.joined.sites:
        site[one.node] = one.rank
    if made.joined.sites:
        put_result(mesh.grid.point_data, "site_rank", site)
    write_mesh(path, mesh)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A row for each, positions in three columns `…_x`, `…_y`, `…_z`, lists joined by blanks."""
    flat = [_flat(row) for row in rows]
    text = io.StringIO()
    table = csv.DictWriter(text, list(flat[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(flat)
    with atomic_file(path) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8")


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_mm") and isinstance(value, list | tuple):
            found |= {f"{name}_{axis}": one for axis, one in zip("xyz", value, strict=True)}
        elif isinstance(value, list | tuple):
            found[name] = " ".join(map(str, value))
        else:
            found[name] = value
    return found
