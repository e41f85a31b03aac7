"""`cardioscar activation predict STRAIN -o OUT`: onset and class of every sector, with intervals and pictures."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from cardioscar.activation.formats.given import Given
from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from cardioscar.commands.activation_heart import Heart

WRITTEN = ("tos.csv", "matrix.png", "curves.png", "explanation.png")
"""Names of what it writes into its folder."""


@dataclass(frozen=True)
class Predict:
    """Onset and class of every sector of a heart."""

    strain: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="STRAIN")]
    """strain.npz, or anything else that `cardioscar activation strain` reads."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder for tos.csv (sector, tos_ms, low, high, class; the slice before them where there are several), matrix.png,
    curves.png and explanation.png."""
    network: str = "shipped"
    """The networks: `shipped`, a folder, s3://bucket/prefix, models:/name/version or models:/name@alias."""
    explain: str = ""
    """Draw what the networks look at, for these sectors (20-40,60) or segments (inferior); `auto` for the largest late
    region. Networks of both tasks are shown beside those of one, where there are some."""
    slice: int = 0
    """The slice that is explained, from 1; 0 for the one of the largest late region."""
    tasks: tuple[str, ...] = ("onset", "late", "scarred")
    """What is explained: onset, normal, late, scarred."""
    figures: bool = True
    """Draw the strain matrix with the line of onsets, and the curves."""
    given: Annotated[Given, tyro.conf.arg(name="")] = field(default_factory=Given)
    """What the files do not say."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar activation predict`, predict and draw."""
    form = parsed(Predict, f"cardioscar {command}", words)
    from cardioscar.activation.findings import gathered_findings
    from cardioscar.activation.formats.onset_files import write_heart_onsets
    from cardioscar.commands.activation_heart import read_heart
    from cardioscar.commands.own_output import check_output, record_output
    from cardioscar.files.folders import platform_faults
    from cardioscar.logs import configure
    from cardioscar.services.store.places import local_folder

    local_folder(form.out, where="out")
    check_output(form.out, WRITTEN)
    configure(logging.WARNING, stderr=True)
    heart = read_heart(form.strain, form.given, form.network)
    with platform_faults(form.out):
        form.out.mkdir(parents=True, exist_ok=True)
    write_heart_onsets(form.out / "tos.csv", heart.told.onsets)
    for name, figure in _figures(form, heart).items():
        _save(form.out / f"{name}.png", figure)
    record_output(form.out, WRITTEN)
    found = gathered_findings(
        "", heart.slices, heart.told.onsets, None, onsets_by=heart.told.by,
        network_sha256=heart.told.network_sha256, level=heart.told.level,
    )  # fmt: skip
    names = ("tos_ms", "earliest_ms", "latest_ms", "half_width_ms", "late_fraction", "scarred_fraction", "peak_strain")
    said = {"slices": len(heart.slices), **{name: getattr(found, name) for name in names}}
    form.terminal.answer(said | {"latest_segment": found.latest_segment})
    return 0


def _figures(form: Predict, heart: Heart) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    if form.figures:
        from cardioscar.report.activation.curves import curves_figure
        from cardioscar.report.activation.matrix import matrix_figure

        found["matrix"] = matrix_figure(heart.slices, heart.told.onsets)
        found["curves"] = curves_figure(heart.slices, heart.told.onsets)
    if form.explain:
        found["explanation"] = _explanation(form, heart)
    return found


def _explanation(form: Predict, heart: Heart) -> Figure:
    from cardioscar.activation.network.heart_explanation import explain_heart, worth_asking
    from cardioscar.activation.network.stored import of_bundle, single_of
    from cardioscar.commands.activation_heart import sectors_of
    from cardioscar.errors import ConfigError
    from cardioscar.report.activation.explanation import explanation_figure

    if not 0 <= form.slice <= len(heart.slices):
        raise ConfigError("slice", f"1 to {len(heart.slices)}", str(form.slice))
    number, sectors = worth_asking(heart.told.onsets)
    if form.slice:
        number = form.slice - 1
        sectors = worth_asking([heart.told.onsets[number]])[1]
    if form.explain != "auto":
        sectors = sectors_of(form.explain, heart.slices[number].sectors)
    ensemble, single = of_bundle(heart.bundle).ensemble, single_of(heart.bundle)
    one = explain_heart(ensemble, single, heart.slices, number, sectors, form.tasks)
    return explanation_figure(heart.slices[number], one)


def _save(path: Path, figure: Figure) -> None:
    from cardioscar.files.atomic import atomic_file
    from cardioscar.report.style import png_bytes

    with atomic_file(path) as partial:
        partial.write_bytes(png_bytes(figure))
