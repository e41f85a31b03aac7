"""`explain`, `compare`, `sign-off` and `doctor`: what one asks once results are there."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.results.folder import FolderResults
from tests.commands.conftest import Said
from tests.finished_run import Run

Cardioscar = Callable[..., Said]


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    return finished.copy(tmp_path)


def rows(run: Run) -> dict[str, dict[str, str]]:
    with (run.out / "results" / "cohort.csv").open(newline="", encoding="utf-8") as stream:
        return {row["subject"]: row for row in csv.DictReader(stream)}


def test_explain_gives_the_reasons_of_the_table(run: Run, cardioscar: Cardioscar) -> None:
    said = cardioscar("explain", run.out, "P001")
    assert said.code == 0
    row = rows(run)["P001"]
    assert said.out.startswith(f"P001: {row['qc']}\n")
    for reason in filter(None, row["reasons"].split("; ")):
        assert reason in said.out
    # the line below the title of the page
    assert re.search(r"\n  Scar from .+ · \d+ slices of .+ · pixels of .+ nodes\n  septum \w+\n", said.out)
    whole = json.loads(cardioscar("explain", run.out, "P001", "--json").out)
    assert whole["verdict"] == row["qc"]
    assert whole["error"] is None
    assert "; ".join(whole["reasons"]) == row["reasons"]


def test_explain_says_what_failed(run: Run, cardioscar: Cardioscar) -> None:
    data = run.out / "results" / "cohort.json"
    content = json.loads(data.read_text(encoding="utf-8"))
    content["rows"][0] |= {"outcome": "failed", "stage": "preprocess", "qc": None, "reasons": [],
                           "error_kind": "geometry", "error_message": "mesh.vtu: expected nodes"}  # fmt: skip
    data.write_text(json.dumps(content), encoding="utf-8")
    said = cardioscar("explain", run.out, content["rows"][0]["subject"])
    assert "failed in preprocess (geometry): mesh.vtu: expected nodes" in said.out


@pytest.mark.parametrize(
    ("metrics", "septum"),
    [
        ({"warnings": ["2 slices are to be looked at"], "network": {"name": "lge"}}, None),  # of a segmentation
        ({"warnings": ["2 slices are to be looked at"], "septum": "assumed"}, "assumed"),  # of a quantified cine
    ],
)
def test_explain_reads_results_of_other_families(
    run: Run, cardioscar: Cardioscar, metrics: dict[str, object], septum: str | None
) -> None:
    (run.result() / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    said = cardioscar("explain", run.out, "P001")
    assert (said.code, said.err) == (0, "")
    assert "\n  warned: 2 slices are to be looked at\n" in said.out
    assert ("septum assumed" in said.out) == (septum is not None)
    assert "made from" not in said.out
    whole = json.loads(cardioscar("explain", run.out, "P001", "--json").out)
    assert (whole["septum"], whole["warnings"]) == (septum, metrics["warnings"])


def test_explain_names_what_is_not_there(run: Run, cardioscar: Cardioscar, tmp_path: Path) -> None:
    said = cardioscar("explain", run.out, "P009")
    assert said.code == 2
    assert said.err.startswith("cardioscar: P009: expected a subject of these results (P001")
    name = cardioscar("explain", run.out, "Smith_John")
    assert name.code == 2
    assert "Smith" not in name.err
    said = cardioscar("explain", tmp_path / "nothing", "P001")
    assert said.code == 2
    assert "cohort.json" in said.err


def test_compare_a_run_with_itself_and_with_another(run: Run, cardioscar: Cardioscar, tmp_path: Path) -> None:
    same = json.loads(cardioscar("compare", run.out, run.out, "--json").out)
    assert same["changed"] == []
    assert {row["mean"] for row in same["differences"]} == {0.0}
    other = tmp_path / "other"
    other.mkdir()
    content = json.loads((run.out / "results" / "cohort.json").read_text(encoding="utf-8"))
    moved = content["rows"][0]
    moved["metrics"]["scar_ml"] += 3.0
    before, moved["qc"] = moved["qc"], "fail"
    (other / "cohort.json").write_text(json.dumps(content), encoding="utf-8")
    found = json.loads(cardioscar("compare", run.out, other, "--json").out)
    scar = next(row for row in found["differences"] if row["key"] == "scar_ml")
    count = len(content["rows"])
    assert scar["mean"] == pytest.approx(3.0 / count)
    assert (scar["largest"], scar["largest_by"]) == (moved["subject"], pytest.approx(3.0))
    spread = 1.96 * 3.0 / count**0.5  # standard deviation of one 3 among zeros is 3 / √n
    assert scar["upper"] - scar["mean"] == pytest.approx(spread)
    assert found["changed"] == [[moved["subject"], before, "fail"]]
    page = tmp_path / "pages" / "compare.html"
    said = cardioscar("compare", run.out, other, "--html", page)
    html = page.read_text(encoding="utf-8")
    assert f'{before}</span></td><td><span class="small badge fail">' in html
    link = re.search(rf'href="([^"]*/{moved["subject"]}/report.html)">A</a>', html)
    assert link is not None
    assert (page.parent / link[1]).is_file()
    assert f"{moved['subject']}: {before} ▸ fail" in said.out


def test_sign_off_is_kept_and_shown(run: Run, cardioscar: Cardioscar) -> None:
    said = cardioscar("sign-off", run.out, "P001", "rejected", "--note", "=artefact in slice 4")
    assert (said.code, said.err) == (0, "")
    row = rows(run)["P001"]
    assert (row["signed_off"], row["signoff_note"]) == ("rejected", "'=artefact in slice 4")
    assert "artefact in slice 4" in (run.out / "results" / "cohort.html").read_text(encoding="utf-8")
    kept = json.loads((run.out / "results" / "P001" / "signoff.json").read_text(encoding="utf-8"))
    assert kept["said"] == "rejected"
    [result] = FolderResults(run.out / "results", None).results(["P001"])  # type: ignore[arg-type]
    assert result.signoff is not None
    assert result.signoff.said == "rejected"
    assert "signed off: rejected" in cardioscar("explain", run.out, "P001").out
    cardioscar("sign-off", run.out, "P001", "withdrawn")
    assert rows(run)["P001"]["signed_off"] == ""
    assert not (run.out / "results" / "P001" / "signoff.json").exists()


def test_another_result_is_not_signed_off(run: Run, cardioscar: Cardioscar) -> None:
    cardioscar("sign-off", run.out, "P001", "accepted")
    metrics = run.out / "results" / "P001" / "metrics.json"
    metrics.write_bytes(metrics.read_bytes() + b"\n")
    [result] = FolderResults(run.out / "results", None).results(["P001"])  # type: ignore[arg-type]
    assert result.signoff is None


def test_sign_off_survives_the_next_summary_and_goes_with_its_subject(run: Run, cardioscar: Cardioscar) -> None:
    cardioscar("sign-off", run.out, "P001", "accepted", "--note", "seen")
    run.again()
    assert rows(run)["P001"]["signed_off"] == "accepted"
    assert cardioscar("erase", "P001", "--results", run.out, "--tracking-uri", "off", "--yes").code == 0
    assert not (run.out / "results" / "P001").exists()


def test_a_note_that_is_too_long_is_refused(run: Run, cardioscar: Cardioscar) -> None:
    assert cardioscar("sign-off", run.out, "P001", "accepted", "--note", "x" * 501).code == 2
    said = cardioscar("sign-off", run.out, "P999", "accepted")
    assert said.code == 2
    assert "P999: expected a subject of these results (P00" in said.err


def test_a_word_for_a_tracking_server_needs_the_experiment(run: Run, cardioscar: Cardioscar, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    said = cardioscar("sign-off", run.out, "P001", "accepted", "--tracking-uri", uri)
    assert said.code == 2
    assert "--experiment" in said.err
    assert not (run.result() / "signoff.json").exists()


def test_doctor_looks_at_the_machine(cardioscar: Cardioscar, tmp_path: Path) -> None:
    found = {one["what"]: one for one in json.loads(cardioscar("doctor", "--json", "--folder", tmp_path).out)}
    assert found["torch"]["state"] == "ok"
    assert found["disk"]["state"] == "ok"
    assert {"GPU", "rendering", "cores and memory"} <= set(found)


def test_doctor_says_what_does_not_answer(cardioscar: Cardioscar) -> None:
    said = cardioscar("doctor", "--tracking-uri", "sqlite:////nowhere/at/all.db", "--json")
    assert said.code == 3
    found = {one["what"]: one for one in json.loads(said.out)}
    assert found["MLflow"]["state"] == "fails"
    assert "--folder nowhere: no such folder" in cardioscar("doctor", "--folder", "nowhere").out


def test_the_shell_completes_commands_and_flags(cardioscar: Cardioscar, tmp_path: Path) -> None:
    script = tmp_path / "complete.sh"
    script.write_text(cardioscar("completion", "bash").out, encoding="utf-8")
    typed = Path(sys.executable).with_name("cardioscar")
    ask = f"source {script}; COMP_WORDS=({typed} expl); COMP_CWORD=1; _cardioscar; echo ${{COMPREPLY[@]}}"
    said = subprocess.run(
        ["bash", "-c", ask], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert said.stdout.split() == ["explain"]
    assert "bashcompinit" in cardioscar("completion", "zsh").out
