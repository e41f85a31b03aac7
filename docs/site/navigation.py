"""The order of the site's pages, read from the indexes that people read: `docs/README.md` and those that it names."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
START = "README"
INDEX = "docs/README"
NESTED = ("docs/decisions/README", "docs/reference/commands/README", "docs/reference/components")
"""Pages that are indexes themselves: what they link to lies below them."""

_SECTION = re.compile(r"^## +(.+)$", re.MULTILINE)
_PAGE = re.compile(r"\]\(([^)#\s]+)\.md\)")


def linked(name: str, text: str) -> list[str]:
    """Names of the pages that a page links to, each once, in order.

    >>> linked("docs/README", "[a](how-to/a.md) [b](../CHANGELOG.md) [a](how-to/a.md) [c](#c)")
    ['docs/how-to/a', 'CHANGELOG']
    """
    found = (os.path.normpath(PurePosixPath(name).parent / target) for target in _PAGE.findall(text))
    return list(dict.fromkeys(found))


def sections(root: Path = ROOT) -> dict[str, list[str]]:
    """Headings of the index, and the pages of each; a page belongs where it is named first."""
    text = (root / f"{INDEX}.md").read_text(encoding="utf-8")
    nested = {page for index in NESTED for page in _below(index, root)}
    seen, found = {START, INDEX, *nested}, dict[str, list[str]]()
    parts = _SECTION.split(text)[1:]
    for heading, part in zip(parts[::2], parts[1::2], strict=True):
        found[heading] = [page for page in linked(INDEX, part) if page not in seen]
        seen.update(found[heading])
    return found


def with_navigation(name: str, text: str, root: Path = ROOT) -> str:
    """A page's text with the lists of pages below it, which the theme shows at the side and not in the text."""
    if name == START:
        first = _toctree([INDEX])
        return text + first + "".join(_toctree(pages, caption) for caption, pages in sections(root).items() if pages)
    if name in NESTED:
        return text + _toctree(_below(name, root))
    return text


def _below(index: str, root: Path) -> list[str]:
    path = root / f"{index}.md"
    rooms = (
        (f"{PurePosixPath(index).parent}/",) if index.endswith("/README") else ("pipelines/", "components/", "charts/")
    )
    pages = linked(index, path.read_text(encoding="utf-8")) if path.is_file() else []
    return [page for page in pages if page not in NESTED and page.startswith(rooms)]


def _toctree(pages: list[str], caption: str = "") -> str:
    lines = ["```{toctree}", ":hidden:", *([f":caption: {caption}"] if caption else []), "", *(f"/{p}" for p in pages)]
    return "\n\n" + "\n".join([*lines, "```", ""])
