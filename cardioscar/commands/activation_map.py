"""`cardioscar activation map STRAIN -o OUT`: onset over the whole ventricle, on a mesh or a wall of usual form."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from cardioscar.activation.formats.given import Given
from cardioscar.activation.mapping.kernel import MapConfig
from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal

Direction = tuple[float, float, float]

WRITTEN = ("activation.vtu", "tos.csv", "metrics.json", "report.html", "figures/*.png")
"""Names of what it writes into its folder."""


@dataclass(frozen=True)
class Map:
    """Onset over the whole ventricle, from the slices of a heart."""

    strain: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="STRAIN")]
    """strain.npz, or anything else that `cardioscar activation strain` reads; two slices and more."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder for activation.vtu (tos_ms, tos_sd_ms, slice_distance_mm), tos.csv, metrics.json and report.html, which
    shows the strain matrix with the line of onsets."""
    tos: Path | None = None
    """Table of onsets that a person has corrected, as `predict` writes it: it counts in place of the networks."""
    mesh: Path | None = None
    """Volumetric mesh of the LV wall; without one the map lies on a wall of usual form."""
    mesh_frame: Literal["LPS", "RAS"] | None = None
    """World frame of the mesh; by default the one that it states, else LPS."""
    mesh_septum: Direction | None = None
    """From the long axis of the mesh to the middle of the septum, LPS."""
    apex_to_base: Direction | None = None
    """Long axis of the mesh, LPS; by default from its form."""
    apex_mm: float | None = None
    """Where the apex lies among the locations of the slices."""
    base_mm: float | None = None
    """Where the base lies among the locations of the slices."""
    network: str = "shipped"
    """The networks: `shipped`, a folder, s3://bucket/prefix, models:/name/version or models:/name@alias."""
    figures: bool = True
    """Draw the figures of the report."""
    settings: Annotated[MapConfig, tyro.conf.arg(name="map")] = field(default_factory=MapConfig)
    """What is taken for known of activation before any slice is seen."""
    given: Annotated[Given, tyro.conf.arg(name="")] = field(default_factory=Given)
    """What the files do not say."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar activation map`, map and write."""
    form = parsed(Map, f"cardioscar {command}", words)
    import numpy as np

    from cardioscar import __version__
    from cardioscar.activation.findings import gathered_findings, metrics_json
    from cardioscar.activation.formats.onset_files import write_heart_onsets
    from cardioscar.activation.mapping.on_mesh import map_on_wall
    from cardioscar.commands.activation_heart import read_heart
    from cardioscar.commands.own_output import check_output, record_output
    from cardioscar.config import as_mapping, config_sha256, file_sha256
    from cardioscar.files.atomic import atomic_file
    from cardioscar.files.folders import platform_faults
    from cardioscar.imaging.formats.mesh_files import read_mesh, write_mesh
    from cardioscar.imaging.lvmesh import LVMesh
    from cardioscar.logs import configure
    from cardioscar.report.activation.subject import ActivationReport, write_activation_report
    from cardioscar.services.store.places import local_folder

    local_folder(form.out, where="out")
    check_output(form.out, WRITTEN)
    configure(logging.WARNING, stderr=True)
    heart = read_heart(form.strain, form.given, form.network, form.tos)
    wall = map_on_wall(
        heart.told.onsets,
        heart.places,
        None if form.mesh is None else read_mesh(form.mesh, frame=form.mesh_frame),
        septum=None if form.mesh_septum is None else np.array(form.mesh_septum),
        apex_to_base=None if form.apex_to_base is None else np.array(form.apex_to_base),
        apex_mm=form.apex_mm,
        base_mm=form.base_mm,
        config=form.settings,
    )
    with platform_faults(form.out):
        form.out.mkdir(parents=True, exist_ok=True)
    write_mesh(form.out / "activation.vtu", LVMesh(wall.grid(), "activation.vtu"))
    write_heart_onsets(form.out / "tos.csv", heart.told.onsets)
    found = gathered_findings(
        "heart", heart.slices, heart.told.onsets, wall, onsets_by=heart.told.by,
        network_sha256=heart.told.network_sha256, level=heart.told.level,
    )  # fmt: skip
    with atomic_file(form.out / "metrics.json") as partial:
        partial.write_text(metrics_json(found), encoding="utf-8")
    inputs = {"strain": form.strain, "tos.csv": form.tos, "mesh": form.mesh}
    report = ActivationReport(
        found,
        version=__version__,
        config={"map": as_mapping(form.settings)},
        config_sha256=config_sha256(form.settings),
        inputs={name: file_sha256(path) for name, path in inputs.items() if path is not None},
        slices=heart.slices if form.figures else [],
        onsets=heart.told.onsets if form.figures else [],
        wall=wall if form.figures else None,
        explanation="What the networks look at is drawn by `cardioscar activation predict --explain`.",
    )
    write_activation_report(form.out, report)
    record_output(form.out, WRITTEN)
    said = {"placed_by": wall.placed.how, "heights": wall.placed.heights.round(3).tolist(), "usual_wall": wall.usual}
    by_segment = {} if found.map is None else {name: row["tos_ms"] for name, row in found.map.segments.items()}
    form.terminal.answer(said | {"tos_ms_by_segment": by_segment})
    return 0
