"""What becomes of links on the site: folders are named, sources that are cited are linked, other sites are listed."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[((?:`[^`\n]*`|[^\[\]`])*)\]\(([^)\s]+)\)")
_CITED = re.compile(r"\[@[^\]]*\]")
_KEY = re.compile(r"@([a-z]+[0-9]{4}[a-z]?)")
_EXTERNAL = re.compile(r"(?:\]\(<?|<)(https?://[^)>\s]+)")


def without_folders(name: str, text: str, root: Path = ROOT) -> str:
    """A page's text where links to folders of the repository, which are no pages, are their words alone."""
    folder = (root / name).parent

    def words(link: re.Match[str]) -> str:
        there = link[2].partition("#")[0]
        return link[1] if there and "://" not in there and (folder / there).is_dir() else link[0]

    return _LINK.sub(words, text)


def with_sources(text: str) -> str:
    """A page's text where each source that is cited by its key leads to its place in the bibliography.

    >>> with_sources("as said [@dice1945, eq. 1; @guo2017]")
    'as said [[dice1945](/docs/reference/sources.md#dice1945), eq. 1; [guo2017](/docs/reference/sources.md#guo2017)]'
    """
    return _CITED.sub(lambda cited: _KEY.sub(r"[\1](/docs/reference/sources.md#\1)", cited[0]), text)


def external(text: str) -> list[str]:
    """Addresses of other sites that a page links to; those in its code are examples.

    >>> external("[a](https://kind.sigs.k8s.io) `[b](http://x.org)` <https://example.org/c>")
    ['https://kind.sigs.k8s.io', 'https://example.org/c']
    """
    return _EXTERNAL.findall(_CODE.sub("", _FENCE.sub("", text)))
