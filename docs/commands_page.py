"""Write a page for each command with all its flags, and their index: `python -m docs.commands_page [--check]`."""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import tyro
from tyro.extras import get_parser

from cardioscar.cli import COMMANDS, EXIT_CODES
from cardioscar.cli import main as cardioscar
from docs.written import keep, table

FOLDER = Path(__file__).resolve().parent / "reference" / "commands"

_HEAD = """# Commands

`cardioscar COMMAND --help` says the same on a terminal. The stage's name may be left out of a setting: `--holdout` is
short for `--preprocess.holdout`. `cardioscar --debug COMMAND …` shows where a fault of the program itself lies.

"""
_Row = tuple[str, str, str, str]
_COLUMNS = ("flag", "value", "default", "meaning")
_TAIL = "\nThese pages are written from the code: `python -m docs.commands_page`.\n"
_DEFAULT = re.compile(r"\s*\((?:(required)|(?:default|default if used): (.*))\)$", re.DOTALL)


class _Asked(Exception):  # noqa: N818 - no error: the command has said which flags it has
    """A command has handed its flags to the parser."""

    def __init__(self, parser: Any) -> None:
        super().__init__()
        self.parser = parser


def render() -> dict[Path, str]:
    """Text of every page."""
    rows = [(f"[`{name}`]({name}.md)", does) for name, (_, does) in COMMANDS.items()]
    codes = re.findall(r"^  (\d+)  (.+)$", EXIT_CODES, re.MULTILINE)
    index = [*table(("command", "what it does"), rows), "", "## Exit codes", "", *table(("code", "meaning"), codes)]
    pages = {FOLDER / "README.md": _HEAD + "\n".join(index) + "\n" + _TAIL}
    for name, (_, does) in COMMANDS.items():
        sections = [text for words in _actions(name) for text in _section(words)]
        pages[FOLDER / f"{name}.md"] = "\n".join(
            [f"# `cardioscar {name}`", "", f"{does[0].upper()}{does[1:]}.", "", *sections]
        )
    return pages


def _actions(command: str) -> Iterator[list[str]]:
    """The words that name each action of a command; a command without actions is one itself."""
    module = import_module(f"cardioscar.commands.{COMMANDS[command][0]}")
    actions = getattr(module, "ACTIONS", None)
    yield from ([command, action] for action in actions) if actions else [[command]]


def parser_of(words: list[str]) -> Any:
    """The parser of a command's flags, as the command itself makes it."""

    def ask(form: Any, *_: Any, **settings: Any) -> None:
        kept = {key: settings[key] for key in ("default", "config") if settings.get(key) is not None}
        with warnings.catch_warnings():
            # deprecated without another way to the flags of a form; tyro is pinned
            warnings.simplefilter("ignore", DeprecationWarning)
            raise _Asked(get_parser(form, prog=" ".join(["cardioscar", *words]), **kept))

    # the command is stopped where it would read its flags
    with (
        mock.patch.object(tyro, "cli", ask),
        mock.patch("cardioscar.cli._guarded", lambda module, given: module.main(given[0], given[1:])),
    ):
        try:
            cardioscar([*words, "--help"])
        except _Asked as asked:
            return asked.parser
    raise AssertionError(f"{words} asked for no flags")


def _section(words: list[str]) -> Iterator[str]:
    parser = parser_of(words)
    flags = [action for action in parser._actions if action.dest != "help"]
    places = [action for action in flags if not action.option_strings]
    if len(words) > 1:
        yield from (f"## `cardioscar {' '.join(words)}`", "")
    yield from ("```text", " ".join([parser.prog, *(_metavar(one) for one in places), "[OPTIONS]"]), "```", "")
    yield from (_paragraphs(parser.description or ""), "")
    general, *groups = _groups(parser)
    yield from (*table(_COLUMNS, general[2]), "") if general[2] else ()
    for title, does, rows in groups:
        yield from (
            f"{'#' * (len(words) + 1)} `{title}`",
            "",
            *((does, "") if does else ()),
            *table(_COLUMNS, rows),
            "",
        )


def _groups(parser: Any) -> list[tuple[str, str, list[_Row]]]:
    """Title, text and rows of each group of flags; what belongs to no group comes first."""
    found: list[tuple[str, str, list[_Row]]] = [("", "", [])]
    for group in parser._action_groups:
        rows = [_row(action) for action in group._group_actions if action.dest != "help"]
        title = (group.title or "").removesuffix(" options")
        if title in ("", "positional arguments", "options"):
            found[0][2].extend(rows)
        elif rows:
            found.append((title, _plain(group.description or ""), rows))
    return found


def _row(action: argparse.Action) -> _Row:
    text = _plain(str(action.help or ""))
    found = _DEFAULT.search(text)
    default = "required" if found and found[1] else _default(found[2] if found else "")
    names = action.option_strings or [_metavar(action)]
    value = _metavar(action) if action.option_strings else ""
    return ", ".join(f"`{name}`" for name in names), f"`{value}`" if value else "", default, _DEFAULT.sub("", text)


def _default(shown: str) -> str:
    """A default as people read it; where there is none, or an empty one, the flag's meaning says what happens."""
    return {"True": "yes", "False": "no"}.get(shown, "–" if shown in ("", "''", "None") else f"`{shown}`")


def _metavar(action: argparse.Action) -> str:
    found = action.metavar
    words = " ".join(found) if isinstance(found, tuple) else found or ""
    return words.replace("{None}|", "").replace("{None,", "{")


def _plain(text: str) -> str:
    """A text on one line, in which `<subject>` is no tag."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split()).replace("<", "&lt;")


def _paragraphs(text: str) -> str:
    return "\n\n".join(_plain(part) for part in text.split("\n\n"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the pages; returns the exit code."""
    return keep(render(), arguments, __doc__)


if __name__ == "__main__":
    sys.exit(main())
