"""`cardioscar slices`: a sparse stack cut from a dense volume, as a scanner would have taken it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal


@dataclass(frozen=True)
class Slices:
    """Cut a sparse stack from a dense volume: every so many slices, thick ones as the mean of several."""

    volume: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="VOLUME")]
    """Image or labels: NIfTI, NRRD, MetaImage or DICOM."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """File to write (.nii.gz); no file of that name may be there."""
    every: int = 5
    """Distance between slices, in slices of the volume."""
    thick: int = 1
    """Thickness of a slice, in slices of the volume: so many are averaged. 1 keeps labels labels."""
    first: int = 0
    """Index of the first one."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar slices`, cut and write."""
    form = parsed(Slices, f"cardioscar {command}", words)
    from cardioscar.errors import ConfigError, InputError
    from cardioscar.imaging.formats.volume_files import read_volume, write_volume
    from cardioscar.imaging.slices import sparse_volume

    if os.path.lexists(form.out):
        raise InputError(form.out.name, "a name that no file has", "one; give another, or move it away")
    if form.every < 1 or not 1 <= form.thick <= form.every or form.first < 0:
        raise ConfigError("slices", "every ≥ thick ≥ 1 and first ≥ 0", f"{form.every}, {form.thick}, {form.first}")
    with form.terminal.waiting("reading and cutting", "seconds, more for large volumes"):
        stack = sparse_volume(read_volume(form.volume), every=form.every, thick=form.thick, first=form.first)
        write_volume(form.out, stack)
    shape, sizes = list(stack.values.shape), [float(size) for size in stack.spacing_mm]
    form.terminal.answer(
        {"volume": str(form.out), "voxels": shape, "voxel_mm": sizes},
        f"{form.out}: {' × '.join(map(str, shape))} voxels of {' × '.join(f'{x:.3g}' for x in sizes)} mm",
    )
    return 0
