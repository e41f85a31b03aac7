"""Write the bibliography that code and pages cite by key as a page: `python -m docs.sources_page [--check]`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from docs.written import keep

PAGE = Path(__file__).resolve().parent / "reference" / "sources.md"
_ENTRY = re.compile(r"^@[a-z]+\{([^,]+),(.*)\}\s*$", re.MULTILINE)
_PLACE = ("journal", "booktitle", "publisher", "institution", "howpublished")
_ACCENTS = {
    r"{\'a}": "á",
    r"{\'e}": "é",
    r"{\'i}": "í",
    r"{\'o}": "ó",
    r"{\"o}": "ö",
    r"{\"u}": "ü",
    r"{\~n}": "ñ",
    "``": "“",
    "''": "”",
    "--": "–",
}


def fields(text: str) -> dict[str, str]:
    """Fields of an entry, without braces.

    >>> fields(" author = {Dice, Lee R.}, title = {On {LGE}}, year = {1945}")
    {'author': 'Dice, Lee R.', 'title': 'On LGE', 'year': '1945'}
    """
    found = re.findall(r"(\w+)\s*=\s*\{((?:[^{}]|\{[^{}]*\})*)\}", text)
    return {name: _plain(value) for name, value in found}


def _plain(text: str) -> str:
    for written, meant in _ACCENTS.items():
        text = text.replace(written, meant)
    text = re.sub(r"\\sqrt\s*\{?(\w+)\}?", r"√\1", text).replace("$", "")
    return text.replace("{", "").replace("}", "")


def render(bibliography: Path = PAGE.parents[1] / "references.bib") -> str:
    """Text of the page."""
    entries = {key: fields(text) for key, text in _ENTRY.findall(bibliography.read_text(encoding="utf-8"))}
    lines = ["# Sources", "", "Code and pages cite these by their keys; the file itself is `docs/references.bib`.", ""]
    for key in sorted(entries):
        lines += [f"## {key}", "", " ".join(_said(entries[key])), ""]
    return "\n".join(lines) + "\nThis page is written from the bibliography: `python -m docs.sources_page`.\n"


def _said(entry: dict[str, str]) -> Iterator[str]:
    yield f"{entry['author']}: {entry['title']}."
    place = next((entry[name] for name in _PLACE if name in entry), "")
    pages = f" {entry['volume']}" if "volume" in entry else ""
    pages += f": {entry['pages']}" if "pages" in entry else ""
    yield ", ".join(part for part in (f"*{place}*{pages}" if place else "", entry["year"]) if part) + "."
    if "eprint" in entry:
        yield f"arXiv {entry['eprint']}."
    if "doi" in entry:
        yield f"doi {entry['doi']}."


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; returns the exit code."""
    return keep({PAGE: render()}, arguments, __doc__)


if __name__ == "__main__":
    sys.exit(main())
