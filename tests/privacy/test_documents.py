"""What the pages say of security and observability is so: proofs exist; fields, gauges and codes are the code's."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from cardioscar.cli import EXIT_CODES
from cardioscar.logs import EVENT_FIELDS
from cardioscar.services.pushgateway import _HELP
from cardioscar.shard.status import Status

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "observability.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.partition(f"## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    rows = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_every_proof_of_the_threat_model_exists() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    proofs = re.findall(r"`(tests/[^`]+)`", text)
    assert len(proofs) > 15
    assert [proof for proof in proofs if not (ROOT / proof).is_file()] == []
    rows = [line for line in text.splitlines() if line.startswith("| ") and "Threat |" not in line]
    assert [row for row in rows if "`tests/" not in row] == []
    assert len(text.split()) < 1250


@pytest.mark.parametrize(
    "page",
    ["SECURITY.md", "docs/explanation/privacy.md", "docs/how-to/bucket-policy.md", "docs/reference/observability.md"],
)
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / link).exists(), link


def test_fields_of_a_row_are_documented() -> None:
    assert set(first_cells(section("`status.json`"))) == {field.name for field in dataclasses.fields(Status)}


def test_fields_of_a_log_line_are_documented() -> None:
    assert set(first_cells(section("Logs"))) >= {
        *EVENT_FIELDS,
        "time",
        "level",
        "stage",
        "subject",
        "message",
        "run_id",
    }


def test_gauges_are_documented() -> None:
    assert set(re.findall(r"^\| `(cardioscar_\w+)`", PAGE, re.MULTILINE)) == set(_HELP)


def test_exit_codes_are_documented() -> None:
    documented = re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)
    assert documented == re.findall(r"^  (\d+)  ", EXIT_CODES, re.MULTILINE)
