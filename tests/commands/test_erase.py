"""`cardioscar erase`: nothing of a subject is left wherever it was told to look, and what stays is said."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cardioscar.files.folders import only_writer
from cardioscar.results.table import mentions
from cardioscar.shard.status import FILE
from cardioscar.stages.recording import Recording
from tests.commands.conftest import Said
from tests.finished_run import Run, content
from tests.services.store.s3 import bucket, emulated_endpoint, s3, s3_endpoint  # noqa: F401 - fixtures

Cardioscar = Callable[..., Said]


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def run(finished: Run, tmp_path: Path) -> Run:
    """The output of a run, with a log, and with what a killed process leaves."""
    run = finished.copy(tmp_path)
    lines = ["10:00:00 INFO train P001: ok", "10:00:01 INFO train P002: ok", "10:00:02 INFO train P0012: ok"]
    (run.out / "run.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (run.artifact("train") / ".P001.checkpoint").write_bytes(b"half way")
    (run.artifact("infer") / ".P001.partial").mkdir()
    (run.artifact("infer") / ".P001.partial" / "scar.vtu").write_bytes(b"half")
    return run


def named(folder: Path, subject: str = "P001") -> list[str]:
    """Paths that hold the id in their name or their text."""
    return [
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if mentions(p.name.encode(), subject) or (p.is_file() and mentions(p.read_bytes(), subject))
    ]


def test_without_yes_nothing_is_changed(run: Run, cardioscar: Cardioscar) -> None:
    before = content(run.out)
    said = cardioscar("erase", "P001", "--results", run.out, "--tracking-uri", "off")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "folder run: 1 cohort table, 2 files of interrupted work, 1 log, 6 subject folders",
        "nothing was changed; --yes erases",
    ]
    assert content(run.out) == before


def test_a_subject_leaves_a_run_and_the_others_stay(run: Run, cardioscar: Cardioscar, tmp_path: Path) -> None:
    others = {n: data for n, data in content(run.out).items() if "P001" not in n and not mentions(data, "P001")}
    words = ("erase", "P001", "--results", run.out, "--tracking-uri", "off", "--audit", tmp_path / "audit.jsonl")
    said = cardioscar(*words, "--yes")
    assert (said.code, said.err) == (0, "")
    assert said.out.endswith("nothing of it is left\n")
    assert named(run.out) == []
    left = content(run.out)
    assert others.items() <= left.items()
    assert left.keys() - others.keys() == {
        "run.log",
        "results/cohort.csv",
        "results/cohort.html",
        "results/cohort.json",
    }
    assert left["run.log"].count(b"\n") == 2
    table = left["results/cohort.csv"].decode()
    assert [line.split(",")[0] for line in table.splitlines()] == ["subject", "P002", "P003"]

    [line] = (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    audit = json.loads(line)
    assert line in said.out
    assert audit.keys() == {"time", "subject", "found", "left", "complete", "awaiting_mlflow_gc"}
    assert (audit["subject"], audit["complete"], audit["left"]) == ("P001", True, {})
    assert audit["found"]["subject folders"] == 6
    assert str(tmp_path) not in said.out

    again = cardioscar(*words, "--yes")
    assert (again.code, again.err) == (0, "")
    assert content(run.out) == left
    assert "nothing of it found" in again.out


def test_a_subject_leaves_the_store_of_a_run_too(finished: Run, cardioscar: Cardioscar, tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    run = finished.copy(tmp_path)
    run.again(recording=Recording(tracking=f"sqlite:///{run.out}/mlflow.db", experiment="trial"))
    shown = cardioscar("registry", "show", "P001", "--json", "--tracking-uri", f"sqlite:///{run.out}/mlflow.db")
    metrics = json.loads(shown.out)["metrics"]
    for stage in ("preprocess", "group_sort", "train", "infer", "evaluate"):
        assert metrics[f"seconds.{stage}"] >= 0
        assert metrics[f"peak_memory_mib.{stage}"] > 50
    assert not any(name.startswith("cuda_peak_memory_mib") for name in metrics)
    said = cardioscar("erase", "P001", "--results", run.out)
    assert (
        "MLflow mlflow.db: 1 MLflow cohort table, 1 MLflow logged model, 1 MLflow model version, 1 MLflow run\n"
        in said.out
    )
    said = cardioscar("erase", "P001", "--results", run.out, "--yes")
    assert (said.code, said.err) == (0, ""), said.out
    assert b"P001" not in b"".join([p.encode() + data for p, data in content(run.out).items()])
    found = cardioscar("registry", "find", "--tracking-uri", f"sqlite:///{run.out}/mlflow.db")
    assert "P002" in found.out
    assert "P003" in found.out


def test_a_subject_leaves_an_object_store(run: Run, cardioscar: Cardioscar, s3, bucket) -> None:  # noqa: F811
    for name, data in content(run.out / "results").items():
        s3.write(bucket / f"results/trial/{name}", data)
    place = f"s3://{bucket.bucket}/results/trial"
    said = cardioscar("erase", "P001", "--results", place, "--tracking-uri", "off", "--yes")
    assert (said.code, said.err) == (0, ""), said.out
    entries = s3.files(bucket)
    assert not any("/P001/" in entry.key for entry in entries)
    assert any("/P002/" in entry.key for entry in entries)
    assert not any(mentions(s3.read(bucket / entry.key), "P001") for entry in entries)


def test_a_place_that_fails_costs_no_other_and_is_said(
    run: Run, cardioscar: Cardioscar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow")
    words = ("erase", "P001", "--results", run.out, "--tracking-uri", "http://127.0.0.1:9", "--yes")
    said = cardioscar(*words)
    assert said.code == 4
    assert "MLflow http://127.0.0.1:9: not searched" in said.out
    assert "nothing of it is left" not in said.out
    assert '"complete": false' in said.out
    assert "connection refused" in said.err
    assert named(run.out) == []


def test_what_could_not_be_removed_is_said_and_a_second_call_removes_it(
    run: Run, cardioscar: Cardioscar, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = shutil.rmtree
    with monkeypatch.context() as patch:

        def careful(path: Path, *arguments: object, **options: object) -> None:
            if "train" in Path(path).parts and not options.get("ignore_errors"):
                raise PermissionError(13, "Permission denied", str(path))
            original(path, *arguments, **options)

        patch.setattr(shutil, "rmtree", careful)
        said = cardioscar("erase", "P001", "--results", run.out, "--tracking-uri", "off", "--yes")
    assert said.code == 3
    assert "cannot write to output 'run': Permission denied" in said.err
    assert "left in folder run: " in said.out
    assert named(run.out) != []
    assert cardioscar("erase", "P001", "--results", run.out, "--tracking-uri", "off", "--yes").code == 0
    assert named(run.out) == []


def test_a_file_of_the_users_own_is_left_and_said(run: Run, cardioscar: Cardioscar) -> None:
    (run.out / "notes.txt").write_text("P001 looks odd")
    said = cardioscar("erase", "P001", "--results", run.out, "--tracking-uri", "off", "--yes")
    assert said.code == 3
    assert "notes.txt names the subject and is none of cardioscar's files: left as it is" in said.err
    assert "not everything was erased: 1 other file that names it left" in said.err
    assert named(run.out) == ["notes.txt"]


@pytest.mark.parametrize("name", ["cohort.html", "cohort.json"])
def test_a_file_of_the_users_own_is_left_and_said_by_name(name: str, run: Run, cardioscar: Cardioscar) -> None:
    (run.out / "notes").mkdir()
    (run.out / "notes" / name).write_text("<p>P001 looks odd")
    said = cardioscar("erase", "P001", "--results", run.out, "--tracking-uri", "off", "--yes")
    assert said.code == 3
    assert f"{name} names the subject and is none of cardioscar's files: left as it is" in said.err
    assert named(run.out) == [f"notes/{name}"]


def test_a_subject_that_a_run_is_at_work_on_is_not_erased(run: Run, cardioscar: Cardioscar) -> None:
    with only_writer(run.artifact("train"), "P001"):
        said = cardioscar("erase", "P001", "--results", run.out, "--tracking-uri", "off", "--yes")
    assert said.code == 3
    assert "another process is working on 'P001'" in said.err
    assert (run.folder("train") / FILE).is_file()


@pytest.mark.parametrize("held", [".", "results"])
@pytest.mark.parametrize("place", [".", "results", "work/train"])
def test_nobody_is_erased_while_a_run_holds_the_output(
    run: Run, cardioscar: Cardioscar, monkeypatch: pytest.MonkeyPatch, held: str, place: str
) -> None:
    """A run of somebody else too: it would write the table with the subject again, into a log that was replaced."""
    if (held, place) == ("results", "work/train"):
        pytest.skip("a run of another output that publishes here")
    monkeypatch.setattr("cardioscar.files.folders._LOCK_PATIENCE_S", 0.1)
    with only_writer(run.out / held, "run", beside_others=True):
        before = content(run.out)
        said = cardioscar("erase", "P001", "--results", run.out / place, "--tracking-uri", "off", "--yes")
        assert content(run.out) == before
    assert said.code == 3
    assert "another process is working on 'run' in the same output" in said.err
    assert cardioscar("erase", "P001", "--results", run.out / place, "--tracking-uri", "off", "--yes").code == 0


@pytest.mark.parametrize("name", ["results", "train", "mlruns", "Work", "figures", "infer"])
def test_a_folder_of_our_own_is_no_subject(run: Run, cardioscar: Cardioscar, name: str) -> None:
    before = content(run.out)
    said = cardioscar("erase", name, "--results", run.out, "--tracking-uri", "off", "--yes")
    assert said.code == 2
    assert f"subject id: expected that of a subject, found '{name}', a folder of cardioscar's own" in said.err
    assert content(run.out) == before


@pytest.mark.parametrize("name", ["site1", "SITE-1"])
@pytest.mark.parametrize("what", ["results", "cohort", "deep"])
def test_a_folder_of_subjects_is_no_subject(run: Run, cardioscar: Cardioscar, name: str, what: str) -> None:
    folder = run.out / "sites" / name
    if what == "results":
        shutil.copytree(run.out / "results", folder)
    elif what == "deep":
        shutil.copytree(run.out / "results", folder / "2026" / "trial")
    else:
        (folder / "P001" / "lge").mkdir(parents=True)
        (folder / "P001" / "lge" / "1.dcm").write_bytes(b"an image")
    before = content(run.out)
    said = cardioscar("erase", name, "--results", run.out, "--tracking-uri", "off", "--yes")
    assert said.code == 2
    assert f"{name}: expected the folder of subject {name}, found one that holds folders of subjects" in said.err
    assert content(run.out) == before


def test_a_folder_whose_row_is_anothers_is_not_the_subjects(run: Run, cardioscar: Cardioscar) -> None:
    run.result().rename(run.result().with_name("P007"))
    before = content(run.out)
    said = cardioscar("erase", "P007", "--results", run.out, "--tracking-uri", "off", "--yes")
    assert said.code == 2
    assert "P007: expected the folder of subject P007, found that of another, as its status.json says" in said.err
    assert content(run.out) == before


def test_an_id_that_is_a_word_takes_no_lines_of_others(run: Run, cardioscar: Cardioscar) -> None:
    run.result().rename(run.out / "results" / "ok")
    row = json.loads((run.out / "results" / "ok" / FILE).read_text())
    (run.out / "results" / "ok" / FILE).write_text(json.dumps(row | {"subject": "ok"}))
    with (run.out / "run.log").open("a", encoding="utf-8") as log:
        log.write("10:00:03 INFO evaluate ok: ok\n")
    cardioscar("erase", "ok", "--results", run.out, "--tracking-uri", "off", "--yes")
    assert not (run.out / "results" / "ok").exists()
    assert [line.split()[3] for line in (run.out / "run.log").read_text().splitlines()] == ["P001:", "P002:", "P0012:"]


def test_a_link_of_the_subjects_name_goes_and_what_it_leads_to_stays(
    run: Run, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere" / "P001"
    elsewhere.parent.mkdir()
    run.result().rename(elsewhere)
    run.result().symlink_to(elsewhere)
    said = cardioscar("erase", "P001", "--results", run.out, "--tracking-uri", "off", "--yes")
    assert (said.code, said.err) == (0, "")
    assert not run.result().is_symlink()
    assert (elsewhere / FILE).is_file()


def test_a_wrong_place_costs_nothing_in_the_others(run: Run, cardioscar: Cardioscar) -> None:
    before = content(run.out)
    words = ("erase", "P001", "--results", run.out, "--artifacts", run.out / "nowhere")
    assert cardioscar(*words, "--tracking-uri", "off", "--yes").code == 2
    assert content(run.out) == before


@pytest.mark.parametrize("name", ["train", "site1"])
def test_a_prefix_of_subjects_in_a_store_is_no_subject(run: Run, cardioscar: Cardioscar, s3, bucket, name: str) -> None:  # noqa: F811
    for key, data in content(run.out / "results").items():
        s3.write(bucket / f"{name}/{key}", data)
    before = {entry.key for entry in s3.files(bucket)}
    place = f"s3://{bucket.bucket}/{bucket.prefix}" if bucket.prefix else f"s3://{bucket.bucket}"
    said = cardioscar("erase", name, "--results", place, "--tracking-uri", "off", "--yes")
    assert said.code == 2
    assert {entry.key for entry in s3.files(bucket)} == before


def test_a_link_out_of_the_folder_is_not_followed(run: Run, cardioscar: Cardioscar, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(run.result(), outside / "P001")
    (run.out / "link").symlink_to(outside)
    said = cardioscar("erase", "P001", "--results", run.out, "--tracking-uri", "off", "--yes")
    assert said.code == 0
    assert (outside / "P001" / FILE).is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("P001",), "erase: expected --results, --artifacts or --tracking-uri, found none: nowhere to search"),
        (("Jane Doe", "--results", "."), "subject id: expected a pseudonym"),
        (("../P001", "--results", "."), "subject id: expected a pseudonym"),
        (("P001", "--results", "nowhere"), "nowhere: expected a folder, found none"),
        (("P001", "--results", "P001"), "P001: expected the folder above the subject's, found the subject's own"),
        (("P001", "--results", "gs://x/y"), "results: expected a folder, file:// or s3://"),
    ],
)
def test_wrong_words_are_code_2(
    words: tuple[str, ...], message: str, cardioscar: Cardioscar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "P001").mkdir()
    said = cardioscar("erase", *words, "--yes")
    assert said.code == 2
    assert f"cardioscar: {message}" in said.err
    assert "Jane" not in said.err
