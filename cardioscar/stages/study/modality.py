"""What became of one modality of a patient: used, not there, or not usable; one that fails takes none down with it."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cardioscar.config import from_mapping
from cardioscar.errors import CardioscarError, ConfigError, InputError, PlatformError, UnreachableError
from cardioscar.identity.printable_text import printable
from cardioscar.identity.spoken_names import without_user_names
from cardioscar.shard.loop import machine_fault
from cardioscar.stages.study.workflow import MODALITY

log = logging.getLogger(__name__)

CONTOURS = "contours of the cine"
"""Source of an activation that no strain was measured for."""


NO_FAULT_OF_FILES = (ConfigError, PlatformError, UnreachableError)
"""What says nothing of a modality's files: it is raised."""


class ModalityError(CardioscarError):
    """What a family says of files that it could not use."""

    kind = "modality"


@dataclass(frozen=True)
class Modality:
    """What is said of one modality."""

    name: str
    """What it gives: `scar map`, `LV function` or `activation`."""
    state: Literal["used", "missing", "failed"]
    """`missing`: no file of it is there. `failed`: the files could not be used."""
    why: str = ""
    """Why it is missing or failed, in a sentence."""
    source: str = ""
    """What it was made from."""
    verdict: str = ""
    """Of its own family, where it is used: `pass`, `review` or `fail`."""
    reasons: tuple[str, ...] = ()
    """What the verdict rests on."""
    warnings: tuple[str, ...] = ()
    """What its stages warned of."""
    numbers: dict[str, float | None] = field(default_factory=dict)
    """Flat numbers by name."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the plan needs besides."""

    @property
    def used(self) -> bool:
        """Whether there is a result."""
        return self.state == "used"


def write_modality(folder: Path, modality: Modality) -> None:
    """Write `modality.json` into the subject's folder."""
    text = json.dumps(dataclasses.asdict(modality), indent=1, allow_nan=False) + "\n"
    (folder / MODALITY).write_text(text, encoding="utf-8")


def read_modality(folder: Path) -> Modality:
    """Read it back.

    Raises:
        InputError: If it is of another form than this version's.
    """
    try:
        said = json.loads((folder / MODALITY).read_bytes())
        facts = dict(said.pop("facts"))  # of its stage, any plain values
        return dataclasses.replace(from_mapping(Modality, said, where=MODALITY, foreign=True), facts=facts)
    except (ConfigError, ValueError, TypeError, LookupError):
        raise InputError(MODALITY, "what this version of cardioscar writes", "another's") from None


def attempted(name: str, work: Callable[[], Modality]) -> Modality:
    """Do the work of a modality; a fault of its files makes it a failed one, one of the machine is raised.

    Args:
        name: Of the modality.
        work: Makes it.

    Raises:
        ConfigError: If settings are impossible, those of the run or those that a patient states.
        PlatformError: If the machine fails.
        UnreachableError: If a server does not answer.
    """
    try:
        return work()
    except NO_FAULT_OF_FILES:
        raise
    except CardioscarError as error:
        return failed(name, str(error))
    except Exception as error:  # one modality's unforeseen fault must not take the others with it
        if isinstance(error, OSError) or machine_fault(error):
            raise
        log.debug("unforeseen", exc_info=True)
        return failed(name, f"unforeseen {type(error).__name__}")


def failed(name: str, why: str) -> Modality:
    """A modality that could not be used; it is said to whoever reads the log."""
    said = printable(without_user_names(why))
    log.warning("no %s: %s", name, said)
    return Modality(name, "failed", why=said)


def missing(name: str, rule: str) -> Modality:
    """A modality of which there is no file: named, and no concern."""
    log.info("no %s: no %s", name, rule)
    return Modality(name, "missing", why=f"no {rule}")


def plain(values: Mapping[str, Any]) -> dict[str, float | None]:
    """Numbers as floats."""
    return {name: None if value is None else float(value) for name, value in values.items()}
