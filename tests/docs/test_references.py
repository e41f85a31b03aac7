"""Every source that code or documentation names by its key is in the bibliography, and none is there for nothing."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CITED = re.compile(r"\[@[^\]]*\]")
KEY = re.compile(r"@([a-z]+[0-9]{4}[a-z]?)")
PLACES = ("cardioscar", "components", "pipelines", "benchmarks", "docs")


def cited() -> dict[str, str]:
    """Where each key is cited, one place each."""
    found: dict[str, str] = {}
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*")):
            if path.suffix in (".py", ".md"):
                for bracket in CITED.findall(path.read_text(encoding="utf-8").replace("\n", " ")):
                    found |= dict.fromkeys(KEY.findall(bracket), path.name)
    return found


def listed() -> list[str]:
    return re.findall(
        r"^@[a-z]+\{([^,]+),", (ROOT / "docs" / "references.bib").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_what_is_cited_is_in_the_bibliography() -> None:
    assert {key: place for key, place in cited().items() if key not in listed()} == {}
    assert len(cited()) > 20


def test_the_bibliography_holds_nothing_else_and_nothing_twice() -> None:
    assert sorted(set(listed()) - cited().keys()) == []
    assert len(listed()) == len(set(listed()))
