"""Every page of the documentation is reached from the README, and every link in it leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="an image holds no documentation")


def pages() -> list[Path]:
    """Markdown files of the project."""
    found = [path for room in ("docs", "charts", "components", "pipelines") for path in (ROOT / room).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *found])


def links(page: Path) -> list[str]:
    """Targets of the links and pictures of a page, code left out."""
    text = _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    return _LINK.findall(text)


def anchors(page: Path) -> set[str]:
    """Names of a page's headings as GitHub makes them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found: set[str] = set()
    for heading in _HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = 0
        while (unique := f"{name}-{number}" if number else name) in found:
            number += 1
        found.add(unique)
    return found


def is_relative(target: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]*:|//", target) is None


def broken(page: Path) -> list[str]:
    """What is wrong with the relative links of a page, in words."""
    wrong = []
    for target in filter(is_relative, links(page)):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists():
            wrong.append(f"{target}: no such file")
        elif anchor and there.suffix == ".md" and anchor not in anchors(there):
            wrong.append(f"{target}: no such heading")
    return wrong


def reached(start: Path) -> set[Path]:
    """Pages that links lead to from one page, however far."""
    seen: set[Path] = set()
    waiting = [start]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in filter(is_relative, links(page)):
            there = (page.parent / target.partition("#")[0]).resolve()
            if there.suffix == ".md" and there.is_file():
                waiting.append(there)
    return seen


def test_there_is_something_to_read() -> None:
    assert len([page for page in pages() if page.is_relative_to(ROOT / "docs")]) > 30
    assert sum(len(links(page)) for page in pages()) > 100


def test_no_relative_link_is_broken() -> None:
    wrong = {str(page.relative_to(ROOT)): found for page in pages() if (found := broken(page))}
    assert wrong == {}


def test_every_page_of_the_documentation_is_reached_from_the_readme() -> None:
    found = reached(ROOT / "README.md")
    lost = [str(page.relative_to(ROOT)) for page in pages() if page.is_relative_to(ROOT / "docs") and page not in found]
    assert lost == []


def test_the_index_and_those_that_it_names_name_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    below = [
        ROOT / "docs" / name
        for name in ("decisions/README.md", "reference/commands/README.md", "reference/components.md")
    ]
    named = {(page.parent / target.partition("#")[0]).resolve() for page in (index, *below) for target in links(page)}
    assert {*below} <= {(index.parent / target).resolve() for target in links(index)}
    assert sorted(str(page.relative_to(ROOT)) for page in {*pages()} - named - {index}) == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One heading\n\n# One heading\n\n## `code` & more\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](gone.md) [c](other.md#one-heading-1) [d](other.md#two) ![e](gone.png) `[f](code.md)`\n"
        "[g](https://example.org/x) [h](#here) [i](other.md#code--more)\n```\n[j](fenced.md)\n```\n# Here\n"
    )
    assert broken(page) == ["gone.md: no such file", "other.md#two: no such heading", "gone.png: no such file"]
    assert reached(page) == {page, tmp_path / "other.md"}
