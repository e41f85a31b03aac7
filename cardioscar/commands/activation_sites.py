"""`cardioscar activation sites SCAR_MAP STRAIN -o OUT`: where a lead would stand, and where channels cross scar."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from cardioscar.activation.formats.given import Given
from cardioscar.activation.mapping.kernel import MapConfig
from cardioscar.activation.mapping.placing import PlacingConfig
from cardioscar.activation.sites.config import SiteConfig
from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal

if TYPE_CHECKING:
    from cardioscar.commands.activation_heart import Heart
    from cardioscar.commands.activation_scar_map import ScarMap
    from cardioscar.stages.study.planning import Planned

WRITTEN = ("sites.csv", "corridors.csv", "plan.vtu", "plan.json", "metrics.json", "report.html", "figures/*.png")
"""Names of what it writes into its folder."""


@dataclass(frozen=True)
class Sites:
    """Late wall free of scar, for a lead; corridors through scar, for ablation."""

    scar_map: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SCAR_MAP")]
    """A subject's results of `cardioscar run`: the folder with scar.vtu and metrics.json, or the scar.vtu itself.
    scar_draws.npz beside it, where it was asked for (`--infer.write-draws`), makes the confidence of sites whole; it
    fits maps on a wall that was built, while of a mesh of one's own it belongs to `cardioscar study`."""
    strain: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="STRAIN")]
    """strain.npz, or anything else that `cardioscar activation strain` reads; two slices and more."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder for sites.csv, corridors.csv, plan.vtu, plan.json and report.html."""
    tos: Path | None = None
    """Table of onsets that a person has corrected, as `predict` writes it: it counts in place of the networks."""
    apex_mm: float | None = None
    """Where the apex lies among the locations of the slices."""
    base_mm: float | None = None
    """Where the base lies among the locations of the slices."""
    network: str = "shipped"
    """The networks: `shipped`, a folder, s3://bucket/prefix, models:/name/version or models:/name@alias."""
    draws: int = 100
    """Draws of the activation map, over which sites are scored."""
    seed: int = 0
    """Seed of these draws."""
    figures: bool = True
    """Draw the figures of the page."""
    rules: SiteConfig = field(default_factory=SiteConfig)
    """Where a lead may stand, and what counts as a place of its own."""
    placing: PlacingConfig = field(default_factory=PlacingConfig)
    """When slices and mesh are of one heart."""
    map: MapConfig = field(default_factory=MapConfig)
    """What is taken for known of activation before any slice is seen."""
    given: Annotated[Given, tyro.conf.arg(name="")] = field(default_factory=Given)
    """What the files do not say."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar activation sites`, join the maps and write."""
    form = parsed(Sites, f"cardioscar {command}", words)
    from cardioscar.commands.activation_heart import read_heart
    from cardioscar.commands.activation_scar_map import read_scar_map
    from cardioscar.commands.own_output import check_output, record_output
    from cardioscar.errors import ConfigError
    from cardioscar.files.folders import platform_faults
    from cardioscar.logs import configure
    from cardioscar.services.store.places import local_folder

    if form.draws < 2 or form.seed < 0:
        raise ConfigError("draws", "2 draws and more, and a seed of 0 or more", f"{form.draws}, {form.seed}")
    local_folder(form.out, where="out")
    check_output(form.out, WRITTEN)
    configure(logging.WARNING, stderr=True)
    scar = read_scar_map(form.scar_map)
    heart = read_heart(form.strain, form.given, form.network, form.tos)
    made = _planned(form, scar, heart)
    with platform_faults(form.out):
        form.out.mkdir(parents=True, exist_ok=True)
    _write(form, made, scar, heart)
    record_output(form.out, WRITTEN)
    rows = [{name: one.row()[name] for name in ("rank", "position_mm", "segment_name", "tos_ms", "scar_probability",
                                                "score_ms", "confidence")} for one in made.joined.sites]  # fmt: skip
    said = {"sites": rows, "corridors": len(made.joined.corridors), "reasons": list(made.reasons)}
    form.terminal.answer(said)
    return 0


def _planned(form: Sites, scar: ScarMap, heart: Heart) -> Planned:
    from dataclasses import replace

    from cardioscar.activation.formats.onset_archive import HeartOnsets, with_locations
    from cardioscar.activation.mapping.placing import place_slices
    from cardioscar.activation.sites.joined import joined, mapped
    from cardioscar.stages.study.modality import Modality
    from cardioscar.stages.study.plan_config import Config
    from cardioscar.stages.study.planning import Planned, verdict_of

    onsets = HeartOnsets(tuple(heart.told.onsets), tuple(with_locations(heart.places)))
    ventricle = scar.wall.ventricle
    placed = place_slices(onsets.places, ventricle, apex_mm=form.apex_mm, base_mm=form.base_mm, config=form.placing)
    activation = mapped(onsets, placed, ventricle, form.map)
    found = joined(
        scar.wall.wall, scar.draws, activation, scar.channels, sites=form.rules, draws=form.draws, seed=form.seed
    )
    doubts = () if scar.has_draws else ("confidence is that of the onsets alone: no draws of the scar map are there",)
    modalities = (
        Modality("scar map", "used", source="scar.vtu", verdict=scar.verdict, reasons=scar.reasons),
        Modality("LV function", "missing", why="not asked for"),
        Modality(
            "activation",
            "used",
            verdict="pass",
            source=f"strain, onsets by {'a person' if form.tos else 'the networks'}",
        ),
    )
    made = Planned(modalities, scar.wall, placed, found, rules=form.rules)
    verdict, reasons = verdict_of(made, Config(sites=form.rules, placing=form.placing), warnings=doubts)
    return replace(made, verdict=verdict, reasons=reasons)


def _write(form: Sites, made: Planned, scar: ScarMap, heart: Heart) -> None:
    from cardioscar import __version__
    from cardioscar.config import as_mapping
    from cardioscar.report.study.page import PlanPage, write_plan_page
    from cardioscar.shard.loop import Work
    from cardioscar.stages.study.plan_files import write_plan
    from cardioscar.stages.study.plan_report import rules

    job = Work("heart", {}, {}, form.out, form.out / ".checkpoint", lambda: [])
    write_plan(job, made, seconds=0.0)
    settings = {"rules": as_mapping(form.rules), "placing": as_mapping(form.placing), "map": as_mapping(form.map)}
    page = PlanPage(
        subject="Plan",
        content=json.loads((form.out / "plan.json").read_text(encoding="utf-8")),
        numbers=json.loads((form.out / "metrics.json").read_text(encoding="utf-8"))["numbers"],
        rules=rules(made),
        version=__version__,
        config=json.dumps(settings, indent=1, sort_keys=True),
    )
    write_plan_page(form.out, page, _pictures(made, heart) if form.figures else {})


def _pictures(made: Planned, heart: Heart) -> dict[str, Any]:
    import numpy as np

    from cardioscar.report.activation.matrix import matrix_figure
    from cardioscar.report.offscreen import SceneUnavailableError
    from cardioscar.report.study.bullseyes import bullseyes_figure, discs_of
    from cardioscar.report.study.scene import layers_of, plan_scenes

    wall, fields = made.wall, made.joined.fields
    assert wall is not None
    layers = layers_of(wall.named("scar_probability"), fields.get("tos_ms"), fields.get("score_ms"))
    places = np.array([one.position_mm for one in made.joined.sites]).reshape(-1, 3)
    views: tuple[Any, Any]
    try:
        views = plan_scenes(wall.mesh, layers, places, axis=wall.long_axis, septum=wall.septum_direction)
    except SceneUnavailableError as error:
        views = (f"There is no 3D view. {error}",) * 2
    discs = discs_of(made.joined.segments, scar_known=True)
    ranks = [(one.rank, one.segment) for one in made.joined.sites]
    return {
        "scene": lambda: views[0],
        "opposite": lambda: views[1],
        "bullseyes": lambda: bullseyes_figure(discs, ranks),
        "strain": lambda: matrix_figure(heart.slices, heart.told.onsets),
    }
