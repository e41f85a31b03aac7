"""`cardioscar phantom`: a cohort with known truth."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Literal

import tyro

from cardioscar.commands.parsing import parsed
from cardioscar.commands.progress import Tell
from cardioscar.commands.terminal import TERMINAL, OnTerminal
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
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar phantom` and write the cohort."""
    form = parsed(PhantomCommand, f"cardioscar {command}", words)
    with form.terminal.progress() as tell:
        if form.family == "people":
            ids = _people(form.out, form.options, tell)
        elif form.family == "patients":
            from cardioscar.activation.sites.phantom_folders import write_patients

            ids = write_patients(form.out, form.options, on_step=tell)
        else:
            from cardioscar.phantom.cohort import write_cohort

            ids = write_cohort(form.out, form.options, on_step=tell)
    named = ids[0] if len(ids) == 1 else f"{ids[0]} to {ids[-1]}"
    form.terminal.answer(
        {"cohort": str(form.out), "subjects": list(ids)}, f"{counted(len(ids), 'phantom')} in {form.out}: {named}"
    )
    return 0


def _people(out: Path, options: PhantomConfig, tell: Tell) -> list[str]:
    from cardioscar.phantom.people.cohort import write_people

    idle = [
        f.name for f in fields(options) if f.name not in ("subjects", "seed") and getattr(options, f.name) != f.default
    ]
    if idle:
        raise ConfigError(
            f"phantom: {idle[0]}", "an option of --family people (subjects, seed)", "one of --family analytic"
        )
    return write_people(out, subjects=options.subjects, seed=options.seed, on_step=tell)
