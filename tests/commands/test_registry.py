"""`cardioscar registry find` answers people and programs alike."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.services.tracking.client import TrackingTarget
from cardioscar.services.tracking.recording import record_subject
from cardioscar.services.tracking.records import SubjectRecord, run_key
from cardioscar.stages.scar3d.workflow import SCAR_FIELD
from tests.commands.conftest import Said

Cardioscar = Callable[..., Said]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three models: P1 is good, P2 has a low Dice, P3 needs review."""
    folder = tmp_path_factory.mktemp("registry")
    (folder / "weights").write_bytes(b"weights")
    (folder / "description").write_text("{}")
    target = TrackingTarget.local(folder)
    for subject, dice, qc in (("P1", 0.95, "pass"), ("P2", 0.7, "pass"), ("P3", 0.92, "review")):
        record_subject(
            target,
            SubjectRecord(
                kind=SCAR_FIELD,
                subject=subject,
                cohort="trial",
                run_key=run_key(subject, {}, "", "1"),
                qc=qc,  # type: ignore[arg-type]
                started_ms=1_700_000_000_000,
                files={"field.safetensors": folder / "weights", "field.json": folder / "description"},
                metrics={"dice": dice, "scar_ml": 7.5},
            ),
        )
    return target.uri


def found(said: Said) -> list[str]:
    assert (said.code, said.err) == (0, "")
    return [row["subject"] for row in json.loads(said.out)]


@pytest.mark.parametrize(
    ("words", "subjects"),
    [
        ((), ["P3", "P2", "P1"]),
        (("--subject", "P2"), ["P2"]),
        (("--dice-below", "0.9"), ["P2"]),
        (("--below-dice", "0.93"), ["P3", "P2"]),
        (("--needs-review",), ["P3"]),
        (("--needs-review", "--below-dice", "0.9"), []),
        (("--qc", "pass", "--limit", "1"), ["P2"]),
    ],
    ids=" ".join,
)
def test_models_are_found(store: str, cardioscar: Cardioscar, words: tuple[str, ...], subjects: list[str]) -> None:
    assert found(cardioscar("registry", "find", "--tracking-uri", store, "--output", "json", *words)) == subjects


def test_csv_has_a_column_for_each_metric(store: str, cardioscar: Cardioscar) -> None:
    said = cardioscar("registry", "find", "--tracking-uri", store, "--output", "csv")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [(row["subject"], row["dice"], row["scar_ml"], row["qc"]) for row in rows] == [
        ("P3", "0.92", "7.5", "review"),
        ("P2", "0.7", "7.5", "pass"),
        ("P1", "0.95", "7.5", "pass"),
    ]
    assert {"version", "run_id", "model_id", "created", "cohort"} <= set(rows[0])


def test_people_get_a_table(store: str, cardioscar: Cardioscar) -> None:
    said = cardioscar("registry", "find", "--tracking-uri", store, "--needs-review")
    assert "P3" in said.out
    assert "P1" not in said.out
    assert cardioscar("registry", "find", "--tracking-uri", store, "--qc", "fail").out.startswith("no model meets")


def test_a_misspelt_number_is_named_where_no_model_is_found(store: str, cardioscar: Cardioscar) -> None:
    def ask(where: str) -> Said:
        return cardioscar("registry", "find", "--tracking-uri", store, "--where", where)

    said = ask("scarml > 1")
    assert (said.code, said.out) == (0, "no model meets the conditions\n")
    assert said.err == "cardioscar: the newest model has no number 'scarml'; did you mean 'scar_ml'?\n"
    assert ask("scar_ml > 1000").err == ""
    assert "`--output csv` names them all" in ask("zzz > 1").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--limit", "0"), "limit: expected at least 1, found 0"),
        (("--needs-review", "--qc", "pass"), "needs_review: expected no other verdict asked for, found --qc pass"),
        (("--subject", "Jane Doe"), "subject id: expected"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_question_that_makes_no_sense_is_refused(
    store: str, cardioscar: Cardioscar, words: tuple[str, ...], message: str
) -> None:
    said = cardioscar("registry", "find", "--tracking-uri", store, *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"cardioscar: {message}")


def test_a_question_makes_no_store(cardioscar: Cardioscar, tmp_path: Path) -> None:
    said = cardioscar("registry", "find", "--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db")
    assert said.code == 2
    assert not list(tmp_path.iterdir())
