"""What a command says and where: results on standard output, as text or as one JSON document; all else beside it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from cardioscar.commands.progress import Tell, progress, waiting


@dataclass(frozen=True)
class Terminal:
    """How much is said, and in which form: the same two flags at every command."""

    quiet: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(aliases=["-q"], help_behavior_hint="")] = False
    """No progress and no remarks: results, warnings and errors alone."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")] = False
    """Results as one JSON document on standard output; all else is on standard error."""

    def answer(self, document: Any, text: str | Callable[[], None] | None = None) -> None:
        """Print the result of a command.

        Args:
            document: What of it programs read: mappings, lists, texts and numbers; NaN becomes null.
            text: What people read, or what prints it; by default the document, a line for each of its entries.
        """
        if self.json:
            sys.stdout.write(json.dumps(_plain(document), indent=1, ensure_ascii=False, default=str) + "\n")
        elif callable(text):
            text()
        else:
            said = "\n".join(lines(_plain(document))) if text is None else text
            sys.stdout.write(said.rstrip("\n") + "\n")
        sys.stdout.flush()

    def remark(self, text: str) -> None:
        """Say on standard error what is no result: nothing where nobody wants to hear it."""
        if not self.quiet:
            sys.stderr.write(f"{text}\n")

    def progress(self) -> AbstractContextManager[Tell]:
        """How far a long work is, with counts and the time left, on standard error."""
        return progress(quiet=self.quiet)

    def waiting(self, what: str, how_long: str) -> AbstractContextManager[None]:
        """A work that does not say how far it is, on standard error."""
        return waiting(what, how_long, quiet=self.quiet)


OnTerminal = Annotated[Terminal, tyro.conf.arg(name="")]
"""Type of the field `terminal` of a command's form."""

TERMINAL = Terminal()
"""Its default."""


def lines(document: Any, depth: int = 0) -> Iterator[str]:
    """A document as people read it.

    >>> print("\\n".join(lines({"steps": 20, "figures": {"dice": 0.9125}, "hearts": ["A1", "A2"], "none": None})))
    steps    20
    figures
      dice  0.9125
    hearts   A1, A2
    none     –
    """
    indent = "  " * depth
    if isinstance(document, Mapping):
        width = max((len(str(name)) for name in document), default=0)
        for name, value in document.items():
            if _is_short(value):
                yield f"{indent}{name!s:<{width}}  {_short(value)}"
            else:
                yield f"{indent}{name}"
                yield from lines(value, depth + 1)
    elif isinstance(document, list | tuple):
        for number, one in enumerate(document, start=1):
            if isinstance(one, Mapping):
                yield f"{indent}{number}"
                yield from lines(one, depth + 1)
            else:
                yield f"{indent}{_short(one)}"
    else:
        yield f"{indent}{_short(document)}"


def _is_short(value: Any) -> bool:
    if isinstance(value, Mapping):
        return not value
    if isinstance(value, list | tuple):
        return not any(isinstance(one, Mapping | list | tuple) for one in value) and len(_short(value)) <= 90
    return True


def _short(value: Any) -> str:
    if value is None or (isinstance(value, Mapping | list | tuple) and not value):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_short, value))
    return str(value)


def _plain(value: Any) -> Any:
    """NaN as null: JSON knows none."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
