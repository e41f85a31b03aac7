"""Keep files that are written from the code: write those that differ, or with `--check` say which are not current."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def keep(pages: Mapping[Path, str], arguments: Sequence[str] | None, does: str | None) -> int:
    """Write or check files.

    Args:
        pages: Text of each file.
        arguments: Words of the command line; by default those of the process.
        does: What the writer does, for its help.

    Returns:
        Exit code: 1 where `--check` was asked for and a file is not current.
    """
    parser = argparse.ArgumentParser(description=does)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is not current")
    check = parser.parse_args(arguments).check
    stale = [page for page, text in pages.items() if not page.is_file() or page.read_text(encoding="utf-8") != text]
    for page in stale:
        if check:
            sys.stderr.write(f"{page.name}: is not current\n")
        else:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(pages[page], encoding="utf-8")
    return int(check and bool(stale))


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; bars within cells are escaped."""
    lines = [headings, ["---"] * len(headings), *[[cell.replace("|", "\\|") for cell in row] for row in rows]]
    return [f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines]
