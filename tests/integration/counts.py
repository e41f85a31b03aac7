"""What the tests counted, for the table at the end of the run and for the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "build" / "integration"


class Counts:
    """Rows of numbers, by table and name."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, dict[str, float | str]]] = {}

    def add(self, table: str, row: str, **numbers: float | str) -> None:
        """Note numbers of a row; a second note adds columns."""
        self.tables.setdefault(table, {}).setdefault(row, {}).update(numbers)

    def markdown(self) -> str:
        """All tables."""
        parts = []
        for table, rows in self.tables.items():
            columns = list(dict.fromkeys(column for row in rows.values() for column in row))
            lines = [
                f"| {table} | {' | '.join(c.replace('_', ' ') for c in columns)} |",
                "|---" * (len(columns) + 1) + "|",
            ]
            for name, row in rows.items():
                lines.append(f"| {name} | {' | '.join(_cell(row.get(column, '')) for column in columns)} |")
            parts.append("\n".join(lines))
        return "\n\n".join(parts)

    def save(self, folder: Path = FOLDER) -> None:
        """Write `counts.json` and `counts.md`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "counts.json").write_text(json.dumps(self.tables, indent=1) + "\n", encoding="utf-8")
        (folder / "counts.md").write_text(self.markdown() + "\n", encoding="utf-8")


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return (
        f"{value:.0f}"
        if float(value).is_integer() or abs(value) >= 100
        else f"{value:.2g}"
        if value < 1
        else f"{value:.1f}"
    )


KEY = pytest.StashKey[Counts]()


@pytest.fixture(scope="session")
def counts(pytestconfig: pytest.Config) -> Counts:
    """Where tests note their numbers."""
    return pytestconfig.stash[KEY]
