"""`cardioscar pseudonym`: subject ids from record numbers, by a key that never leaves the hospital."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from cardioscar.commands.parsing import parsed
from cardioscar.commands.terminal import TERMINAL, OnTerminal
from cardioscar.errors import InputError

KEY_VARIABLE = "CARDIOSCAR_PSEUDONYM_KEY"
_SHORTEST_KEY_BYTES = 16


@dataclass(frozen=True)
class Pseudonym:
    """Write the keyed pseudonym of each line of standard input, in order.

    A line is one record number, as it stands; white space around it does not count. Who has no key cannot find out the
    number, and the same number always has the same pseudonym. Only pseudonyms are written.
    """

    key_file: Path | None = None
    """File with the key, at least 16 bytes, its last line break left out; by default CARDIOSCAR_PSEUDONYM_KEY."""
    digits: int = 16
    """Hexadecimal digits of a pseudonym, 16 to 64."""
    terminal: OnTerminal = TERMINAL


def main(command: str, words: list[str]) -> int:
    """Parse the words after `cardioscar pseudonym`, and turn standard input into pseudonyms."""
    form = parsed(Pseudonym, f"cardioscar {command}", words)
    from cardioscar.identity.pseudonym import pseudonym

    if not 16 <= form.digits <= 64:
        raise InputError("digits", "16 to 64", str(form.digits))
    key = _key(form.key_file)
    made = []
    for number, line in enumerate(sys.stdin, start=1):
        if not line.strip():
            raise InputError(f"line {number}", "a record number", "an empty line")
        made.append(pseudonym(line.strip(), key, digits=form.digits))
        if not form.terminal.json:
            sys.stdout.write(made[-1] + "\n")
    if form.terminal.json:
        form.terminal.answer(made)
    return 0


def _key(path: Path | None) -> bytes:
    if path is None:
        key, where = os.environ.get(KEY_VARIABLE, "").encode(), KEY_VARIABLE
    else:
        where = path.name
        try:
            key = path.read_bytes().removesuffix(b"\n").removesuffix(b"\r")
        except OSError as error:
            raise InputError(where, "a readable file", error.strerror or "an unreadable one") from None
    if len(key) < _SHORTEST_KEY_BYTES:
        raise InputError(where, f"a key of at least {_SHORTEST_KEY_BYTES} bytes", f"{len(key)} bytes")
    return key
