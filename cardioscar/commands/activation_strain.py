"""`cardioscar activation strain INPUT -o OUT`: `strain.npz` of a heart, whatever its strain comes from."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from cardioscar.activation.formats.given import Given
from cardioscar.activation.strain.matrix import SECTORS
from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal


@dataclass(frozen=True)
class Strain:
    """Strain of the sectors of a heart's slices.

    Green–Lagrange strain relative to end-diastole, fractions, shortening negative; sectors are counted from the middle
    of the septum through the inferior wall.
    """

    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="INPUT")]
    """A strain matrix (.npz, .npy, .csv), a list of records (.npy), a workspace of DENSEanalysis (.mat, .dns), a
    displacement field (.npz), labels of a cine through the beat (.nii, .nii.gz), or a folder: with displacement.npz,
    with labels.nii.gz and its cine, with VTK surfaces, one a frame, or with a file for each slice."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder for strain.npz: strain (sectors × frames, or slices × sectors × frames), frame_ms, location_mm."""
    given: Annotated[Given, tyro.conf.arg(name="")] = field(default_factory=Given)
    """What the files do not say."""
    sectors: int = SECTORS
    """Sectors of a slice."""
    denoise: bool = False
    """Keep only the singular values of each matrix that stand out of its noise."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar activation strain`, and write what was read."""
    form = parsed(Strain, f"cardioscar {command}", words)
    from cardioscar.activation.formats.heart_files import write_heart
    from cardioscar.activation.formats.strain_files import read_strain
    from cardioscar.activation.strain.denoising import denoise
    from cardioscar.files.folders import platform_faults
    from cardioscar.logs import configure
    from cardioscar.services.store.places import local_folder

    local_folder(form.out, where="out")
    configure(logging.WARNING, stderr=True)
    slices = read_strain(form.source, form.given, sectors=form.sectors)
    if form.denoise:
        slices = [replace(one, circumferential=denoise(one.circumferential)) for one in slices]
    with platform_faults(form.out):
        form.out.mkdir(parents=True, exist_ok=True)
    write_heart(form.out / "strain.npz", slices)
    peaks = [
        {
            "location_mm": one.location_mm,
            "frames": one.frames,
            "peak_strain": round(float(one.circumferential.mean(axis=0).min()), 4),
            "peak_ms": round(float(one.frame_ms[one.circumferential.mean(axis=0).argmin()]), 1),
        }
        for one in slices
    ]
    form.terminal.answer({"sectors": form.sectors, "slices": peaks})
    return 0
