"""`cardioscar phantom`: a cohort with known truth."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Literal

import tyro

from cardioscar.errors import ConfigError, counted
from cardioscar.phantom.config import PhantomConfig


@dataclass(frozen=True)
class PhantomCommand:
    """Write a cohort of phantoms: LVs with known scar, imaged in noisy, oblique slices, in the files of real input."""

    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """Folder of the cohort."""
    family: Literal["analytic", "people", "patients"] = "analytic"
    """Analytic hearts with mesh and image; drawn slices that are like people's, with `subjects` and `seed` alone; or
    patients with late enhancement, cine and strain, for `cardioscar study`."""
    options: Annotated[PhantomConfig, tyro.conf.arg(name="")] = field(default_factory=PhantomConfig)
    """What the phantoms look like."""


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar phantom` and write the cohort."""
    form = tyro.cli(PhantomCommand, prog=f"cardioscar {command}", args=words)
    if form.family == "people":
        ids = _people(form.out, form.options)
    elif form.family == "patients":
        from cardioscar.activation.sites.phantom_folders import write_patients

        ids = write_patients(form.out, form.options)
    else:
        from cardioscar.phantom.cohort import write_cohort

        ids = write_cohort(form.out, form.options)
    sys.stdout.write(f"{counted(len(ids), 'phantom')} in {form.out}: {ids[0]} to {ids[-1]}\n")
    return 0


def _people(out: Path, options: PhantomConfig) -> list[str]:
    from cardioscar.phantom.people.cohort import write_people

    idle = [
        f.name for f in fields(options) if f.name not in ("subjects", "seed") and getattr(options, f.name) != f.default
    ]
    if idle:
        raise ConfigError(
            f"phantom: {idle[0]}", "an option of --family people (subjects, seed)", "one of --family analytic"
        )
    return write_people(out, subjects=options.subjects, seed=options.seed)
