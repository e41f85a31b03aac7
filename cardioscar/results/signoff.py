"""What a person says of a subject's result: a small file beside it, which a newer result does not inherit."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

from cardioscar.errors import InputError

SIGNOFF = "signoff.json"
Said = Literal["accepted", "rejected", "withdrawn"]
LONGEST_NOTE = 500


@dataclass(frozen=True)
class SignOff:
    """A person's word on one result.

    Raises:
        InputError: If the note is longer than 500 characters, or holds what does not print.
    """

    said: Said
    """Whether the result may be used; or that an earlier word is taken back, which counts as none."""
    note: str
    """Why; no names of people."""
    when: str
    """Time, as text."""
    of_result: str
    """sha256 of the `metrics.json` that was looked at."""

    def __post_init__(self) -> None:
        if len(self.note) > LONGEST_NOTE or not self.note.isprintable():
            raise InputError("note", f"at most {LONGEST_NOTE} printing characters in a line", f"{len(self.note)}")

    def text(self) -> str:
        """Content of `signoff.json`."""
        return json.dumps(asdict(self), indent=1) + "\n"


def result_sha256(metrics: bytes) -> str:
    """What names a result: the hash of its `metrics.json`."""
    return hashlib.sha256(metrics).hexdigest()


def signoff_of(data: bytes | None, metrics: bytes | None) -> SignOff | None:
    """The word on a result; None where nobody gave one, or it was about another result, or the file is damaged.

    Args:
        data: Bytes of `signoff.json`.
        metrics: Bytes of the `metrics.json` beside it.
    """
    if data is None or metrics is None:
        return None
    try:
        found = SignOff(**json.loads(data))
    except (ValueError, TypeError, RecursionError, InputError):
        return None
    return found if found.said in ("accepted", "rejected") and found.of_result == result_sha256(metrics) else None
