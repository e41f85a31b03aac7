"""`cardioscar phantom`: a cohort with known truth."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from cardioscar.errors import counted
from cardioscar.phantom.config import PhantomConfig


@dataclass(frozen=True)
class PhantomCommand:
    """Write a cohort of phantoms: LVs with known scar, imaged in noisy, oblique slices, in the files of real input."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """Folder of the cohort."""
    options: Annotated[PhantomConfig, tyro.conf.arg(name="")] = field(default_factory=PhantomConfig)
    """What the phantoms look like."""


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar phantom` and write the cohort."""
    form = tyro.cli(PhantomCommand, prog=f"cardioscar {command}", args=words)
    from cardioscar.phantom.cohort import write_cohort

    ids = write_cohort(form.out, form.options)
    sys.stdout.write(f"{counted(len(ids), 'phantom')} in {form.out}: {ids[0]} to {ids[-1]}\n")
    return 0
