"""A person's word in an object store: beside the result, in the cohort's files, and never over another's unseen."""

from __future__ import annotations

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from cardioscar.cli import main
from cardioscar.errors import InputError, PlatformError
from cardioscar.results.opening import open_results
from cardioscar.results.signing import sign
from cardioscar.results.signoff import SIGNOFF
from cardioscar.services.store.object_store import Store
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.stages import summarize_cohort
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d.workflow import RECONSTRUCT
from tests.finished_run import Run
from tests.stored import EMULATED, objects, put_folder

BOTH = pytest.mark.parametrize("bucket", ["served", "emulated"], indirect=True)
"""SeaweedFS, and the emulator: the two check conditions in ways of their own."""


@pytest.fixture
def results(finished: Run, bucket: S3Place) -> S3Place:
    return put_folder(finished.out / "results", bucket / "results")


def row(results: S3Place, subject: str = "P001") -> dict[str, str]:
    text = Store.connect().read(results / "cohort.csv").decode()
    return {row["subject"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}[subject]


def word(results: S3Place, subject: str = "P001") -> dict[str, str]:
    return json.loads(Store.connect().read(results / subject / SIGNOFF))


@BOTH
def test_a_word_is_kept_shown_and_taken_back(results: S3Place, capsys: pytest.CaptureFixture[str]) -> None:
    before = objects(results)
    assert main(["sign-off", str(results), "P001", "rejected", "--note", "artefact in slice 4"]) == 0
    assert capsys.readouterr().out == "P001: rejected\n"
    assert (word(results)["said"], word(results)["note"]) == ("rejected", "artefact in slice 4")
    assert (row(results)["signed_off"], row(results)["signoff_note"]) == ("rejected", "artefact in slice 4")
    assert row(results, "P002")["signed_off"] == ""
    after = objects(results)
    assert b"artefact in slice 4" in after["cohort.html"]
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"P001/signoff.json", "cohort.json", "cohort.csv", "cohort.html"}
    [result] = open_results(str(results), RECONSTRUCT.results).results(["P001"])
    assert result.signoff is not None
    assert result.signoff.said == "rejected"
    assert main(["sign-off", str(results), "P001", "withdrawn"]) == 0
    assert "withdrawn (before: rejected, 20" in capsys.readouterr().out
    assert row(results)["signed_off"] == ""
    [result] = open_results(str(results), RECONSTRUCT.results).results(["P001"])
    assert result.signoff is None


def test_the_next_summary_keeps_the_word_and_a_newer_result_does_not(results: S3Place, finished: Run) -> None:
    sign(results, "P001", "accepted", "seen")
    summarize = partial(summarize_cohort.run, finished.cohort, Recording(str(results), track=False), family=RECONSTRUCT)
    summarize()
    assert (row(results)["signed_off"], row(results)["signoff_note"]) == ("accepted", "seen")
    store, at = Store.connect(), results / "P001" / "metrics.json"
    store.write(at, store.read(at) + b"\n")
    [result] = open_results(str(results), RECONSTRUCT.results).results(["P001"])
    assert result.signoff is None
    with pytest.raises(InputError, match="P001: expected a finished result at s3://"):
        sign(results, "P001", "accepted", "")  # no longer what its marker names


@BOTH
def test_who_speaks_at_once_is_told_of_the_other(results: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    read_many, others = Store.read_many, ["accepted"]

    def interrupted(store: Store, *words: object, **more: object) -> object:
        found = read_many(store, *words, **more)  # type: ignore[arg-type]
        if others:
            sign(results, "P001", others.pop(), "the first")  # type: ignore[arg-type]
        return found

    monkeypatch.setattr(Store, "read_many", interrupted)
    with pytest.raises(PlatformError, match="P001: somebody else has just signed it off"):
        sign(results, "P001", "rejected", "the second")
    assert word(results)["note"] == row(results)["signoff_note"] == "the first"


@BOTH
def test_of_many_at_once_no_word_goes_unseen(results: S3Place) -> None:
    def speak(number: int) -> tuple[str, str | None] | None:
        try:
            signed = sign(results, "P001", "accepted", f"person {number}")
        except PlatformError:
            return None
        return f"person {number}", signed.before.note if signed.before else None

    with ThreadPoolExecutor(6) as pool:
        kept = [said for said in pool.map(speak, range(6)) if said]
    notes, seen = [note for note, _ in kept], [before for _, before in kept]
    assert kept
    assert sorted(map(str, seen)) == sorted(
        map(str, [None, *(note for note in notes if note != word(results)["note"])])
    )
    assert row(results)["signoff_note"] == word(results)["note"]


def test_a_cohort_that_changes_meanwhile_keeps_both_words(results: S3Place, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, others = Store.replace, ["P002"]

    def interrupted(store: Store, place: S3Place, data: bytes, tag: str) -> str:
        if place.name == "cohort.json" and others:
            sign(results, others.pop(), "rejected", "blurred")
        return replace(store, place, data, tag)

    monkeypatch.setattr(Store, "replace", interrupted)
    sign(results, "P001", "accepted", "seen")
    assert [row(results, name)["signed_off"] for name in ("P001", "P002")] == ["accepted", "rejected"]
    page = objects(results)["cohort.html"]
    assert b"seen" in page
    assert b"blurred" in page


@EMULATED
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("P999", "accepted"), "P999: expected a finished result at s3://"),
        (("P001", "accepted", "--note", "x" * 501), "note: expected at most 500 printing characters"),
    ],
)
def test_what_cannot_be_signed_off_is_refused(
    results: S3Place, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = objects(results)
    assert main(["sign-off", str(results), *words]) == 2
    assert said in capsys.readouterr().err
    assert objects(results) == before


def test_a_word_in_the_store_is_erased_with_its_subject(results: S3Place, tmp_path: Path) -> None:
    sign(results, "P001", "accepted", "seen")
    assert main(["erase", "P001", "--results", str(results), "--tracking-uri", "off", "--yes"]) == 0
    assert not [name for name in objects(results) if name.startswith("P001/")]


def test_tags_of_a_result_in_the_store(
    finished: Run, bucket: S3Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cardioscar.services.tracking.client import TrackingTarget, connect

    results = bucket / "recorded"
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run = finished.copy(tmp_path)
    run.again("P001", recording=Recording(str(results), uri, "trial"))
    words = ["sign-off", str(results), "P001", "accepted", "--note", "seen"]
    assert main([*words, "--tracking-uri", uri, "--experiment", "trial"]) == 0
    assert capsys.readouterr().out.endswith("P001: accepted; tags of its run in MLflow\n")
    client = connect(TrackingTarget(uri, "trial"), create=False)
    experiment = client.get_experiment_by_name("trial")
    [tagged] = client.search_runs([experiment.experiment_id], "tags.`cs.signed_off` = 'accepted'")
    assert tagged.data.tags["cs.signoff_note"] == "seen"
