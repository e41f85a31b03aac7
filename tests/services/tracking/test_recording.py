"""Recording adds one run and one version per piece of work, however often it is repeated or cut off."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cardioscar.errors import InputError
from cardioscar.services.tracking import records
from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.recording import record_cohort, record_subject
from cardioscar.stages.scar3d.workflow import SCAR_FIELD

STARTED_MS = 1_700_000_000_000


def recorded(store, cohort):
    """Runs, logged models and versions of one cohort."""
    client = connect(store)
    experiment = client.get_experiment_by_name(cohort).experiment_id
    runs = client.search_runs([experiment])
    models = client.search_logged_models([experiment])
    text = f"name = '{SCAR_FIELD.name}' AND tags.`{records.TAG_COHORT}` = '{cohort}'"
    return list(runs), list(models), list(client.search_model_versions(text))


def test_a_subject_becomes_a_run_a_model_and_a_version(store, make_record, cohort):
    record = make_record()
    got = record_subject(store, record)

    (run,), (model,), (version,) = recorded(store, cohort)
    assert (got.run_id, got.model_id, got.version) == (run.info.run_id, model.model_id, int(version.version))
    assert not got.reused
    assert run.info.status == "FINISHED"
    assert run.info.start_time == STARTED_MS
    assert run.data.metrics == {"dice": 0.8, "scar_volume_ml": 7.5}
    assert run.data.params == {"steps": "300"}
    assert {m.key: (m.value, m.timestamp) for m in model.metrics} == {"dice": (0.8, STARTED_MS)}  # a key metric
    assert model.status == "READY"
    assert version.run_id == run.info.run_id
    for tags in (run.data.tags, model.tags, version.tags):
        assert tags["cs.subject"] == "P001"
        assert tags["cs.qc"] == "pass"
    assert run.data.tags["cs.run_key"] == version.tags["cs.run_key"] == record.run_key
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]

    client = connect(store)
    assert {item.path for item in client.list_artifacts(run.info.run_id)} == {"report.html", "figures"}
    assert {item.path for item in client.list_artifacts(run.info.run_id, "figures")} == {"figures/bullseye.png"}
    files = {item.path for item in client.list_logged_model_artifacts(model.model_id)}
    assert files == {"field.safetensors", "field.json"}


def test_the_verdict_its_reasons_and_the_septum_are_tags_and_description(store, make_record, cohort):
    reasons = ("a thin wall", "slices do not predict one another (Dice 0.612, below 0.65)")
    record_subject(store, make_record(qc="review", reasons=reasons, texts={"septum": "guessed"}))
    (run,), (model,), (version,) = recorded(store, cohort)
    for tags in (run.data.tags, model.tags, version.tags):
        assert (tags["cs.qc_reasons"], tags["cs.septum"]) == ("; ".join(reasons), "guessed")
    verdict, figures, links = run.data.tags["mlflow.note.content"].split("\n\n")
    assert verdict == f"**Quality: review**\n- {reasons[0]}\n- {reasons[1]}"
    assert figures == "dice 0.8"
    base = f"#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts"
    assert links == (
        f"[report]({base}/report.html) · [figures]({base}/figures) · "
        f"[model version](#/models/cardioscar-scar3d/versions/{version.version})"
    )


def test_a_failed_map_says_that_it_is_no_version_and_long_reasons_are_cut(store, make_record, cohort):
    record_subject(store, make_record(qc="fail", reasons=tuple(f"{n} " + "x" * 290 for n in range(60))))
    (run,), _, _ = recorded(store, cohort)
    assert run.data.tags["mlflow.note.content"].startswith(
        "**Quality: fail**, so there is no version of the registered model\n- 0 x"
    )
    assert len(run.data.tags["cs.qc_reasons"]) == len(run.data.tags["mlflow.note.content"]) == records.LONGEST_TAG


def test_the_description_ends_with_how_the_map_was_made_however_long_the_reasons(store, make_record, cohort):
    methods = "A network was fitted to each heart (Sen et al. 2025)."
    reasons = tuple(f"{n} " + "x" * 290 for n in range(60))
    record_subject(store, make_record(qc="review", reasons=reasons, methods=methods))
    (run,), _, _ = recorded(store, cohort)
    verdict, _, _, said = run.data.tags["mlflow.note.content"].split("\n\n")
    assert (said, verdict[:21], verdict[-1]) == (methods, "**Quality: review**\n-", "…")
    assert len(run.data.tags["mlflow.note.content"]) == records.LONGEST_TAG


def test_a_map_without_concern_has_no_reasons(store, make_record, cohort):
    record_subject(store, make_record())
    (run,), _, _ = recorded(store, cohort)
    assert "cs.qc_reasons" not in run.data.tags
    assert run.data.tags["mlflow.note.content"].startswith("**Quality: pass**\n\ndice 0.8\n\n[report](#/")


def test_a_second_record_adds_nothing(store, make_record, cohort):
    record = make_record()
    first = record_subject(store, record)
    second = record_subject(store, record)
    assert second.reused
    assert (second.run_id, second.model_id, second.version) == (first.run_id, first.model_id, first.version)
    assert [len(items) for items in recorded(store, cohort)] == [1, 1, 1]


def test_changed_work_becomes_a_newer_version(store, make_record, cohort):
    first = record_subject(store, make_record(weight=0.1))
    second = record_subject(store, make_record(weight=0.2))
    assert second.version > first.version
    assert [len(items) for items in recorded(store, cohort)] == [2, 2, 2]


def test_failed_quality_leaves_a_run_and_no_model(store, make_record, cohort):
    got = record_subject(store, make_record(qc="fail"))
    assert (got.model_id, got.version) == (None, None)
    assert [len(items) for items in recorded(store, cohort)] == [1, 0, 0]
    assert record_subject(store, make_record(qc="fail")).reused


def test_quality_under_review_becomes_a_version(store, make_record):
    assert record_subject(store, make_record(qc="review")).version is not None


def database_text(store):
    """All text that the database of a local store holds."""
    with closing(sqlite3.connect(store.database)) as connection:
        return "\n".join(connection.iterdump())


STEPS = [
    "create_run",
    "log_artifacts",
    "create_logged_model",
    "log_model_artifacts",
    "log_batch",
    "log_outputs",
    "finalize_logged_model",
    "create_model_version",
    "set_logged_model_tags",
    "set_terminated",
]


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_an_attempt_interrupted_at_any_step_is_completed(store, make_record, cohort, monkeypatch, step, done):
    from mlflow import MlflowClient

    whole = getattr(MlflowClient, step)

    def die(self, *arguments, **options):
        if done:
            whole(self, *arguments, **options)
        raise KeyboardInterrupt

    record = make_record()
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, step, die)
        with pytest.raises(KeyboardInterrupt):
            record_subject(store, record)
    got = record_subject(store, record)

    (run,), (model,), (version,) = recorded(store, cohort)
    assert (got.run_id, got.model_id, got.version) == (run.info.run_id, model.model_id, int(version.version))
    assert got.reused == (step == "set_terminated" and done)
    assert (run.info.status, model.status) == ("FINISHED", "READY")
    assert (len(run.data.metrics), len(model.metrics)) == (2, 1)
    assert len(connect(store).get_metric_history(run.info.run_id, "dice")) == 1
    assert len(run.outputs.model_outputs) == 1


def test_of_several_runs_with_one_key_the_oldest_is_taken(store, make_record, cohort):
    client = connect(store)
    experiment = client.create_experiment(cohort, artifact_location=store.database.parent.as_uri())
    record = make_record()
    tags = {records.TAG_RUN_KEY: record.run_key}
    newer = client.create_run(experiment, start_time=STARTED_MS + 1000, tags=tags).info.run_id
    older = client.create_run(experiment, start_time=STARTED_MS - 1000, tags=tags).info.run_id
    assert record_subject(store, record).run_id == older

    # ... unless only a newer one was finished: completing the older would make a second version.
    other = make_record("P002")
    tags = {records.TAG_RUN_KEY: other.run_key}
    client.create_run(experiment, start_time=STARTED_MS - 1000, tags=tags)
    newer = client.create_run(experiment, start_time=STARTED_MS, tags=tags).info.run_id
    client.set_terminated(newer)
    assert record_subject(store, other).run_id == newer


def test_an_injected_run_becomes_the_parent(store, make_record, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "0123456789abcdef0123456789abcdef")
    got = record_subject(store, make_record())
    run = connect(store).get_run(got.run_id)
    assert run.data.tags["mlflow.parentRunId"] == "0123456789abcdef0123456789abcdef"


def test_identifying_names_of_files_and_folders_are_recorded_nowhere(store, make_record, tmp_path, caplog):
    folder = tmp_path / "Smith_John"
    (folder / "figures").mkdir(parents=True)
    plain = make_record()
    weights = folder / "Smith_John.bin"
    weights.write_bytes(plain.files["field.safetensors"].read_bytes())
    report = folder / "John Smith 1965.html"
    report.write_text("<p>report</p>")
    record = make_record(
        files=plain.files | {"field.safetensors": weights},
        artifacts={"report.html": report},
        params={"mesh": str(folder / "mesh.vtu")},
    )
    with caplog.at_level(logging.DEBUG):
        got = record_subject(store, record)
    assert got.version is not None
    assert "Smith" not in database_text(store)
    assert not [path for path in store.database.parent.rglob("*") if "Smith" in path.name]
    assert "Smith" not in caplog.text
    assert "mesh" in caplog.text


def test_nothing_is_printed(tmp_path, make_record, capfd, caplog):
    """Not even while a new store makes its tables."""
    record_subject(TrackingTarget.local(tmp_path / "new"), make_record())
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert caplog.text == ""


def test_a_deleted_experiment_is_reported(store, make_record, cohort):
    client = connect(store)
    client.delete_experiment(client.create_experiment(cohort))
    with pytest.raises(InputError, match="deleted in MLflow"):
        record_subject(store, make_record())


def test_more_metrics_and_parameters_than_one_call_takes(store, make_record):
    metrics = {f"m{i}": float(i) for i in range(1201)}
    params = {f"p{i}": i for i in range(150)}
    got = record_subject(store, make_record(metrics=metrics, params=params))
    run = connect(store).get_run(got.run_id)
    assert run.data.metrics == metrics
    assert len(run.data.params) == 150


def test_a_cohort_is_recorded_once_and_its_report_kept_up_to_date(store, tmp_path, cohort):
    target = TrackingTarget(store.uri, cohort)
    table, report = tmp_path / "t.csv", tmp_path / "r.html"
    table.write_text("subject,dice\nP001,0.8\n")
    report.write_text("first")
    first = record_cohort(target, table_csv=table, report_html=report, metrics={"dice_mean": 0.8})
    assert record_cohort(target, table_csv=table, report_html=report, metrics={"dice_mean": 0.8}) == first

    report.write_text("second")
    assert record_cohort(target, table_csv=table, report_html=report, metrics={"dice_mean": 0.8}) == first
    client = connect(target)
    stored = client.download_artifacts(first, "report.html", dst_path=str(tmp_path))
    assert Path(stored).read_text() == "second"
    assert {item.path for item in client.list_artifacts(first)} == {"cohort.csv", "report.html"}
    assert len(client.get_metric_history(first, "dice_mean")) == 1

    table.write_text("subject,dice\nP001,0.9\n")
    assert record_cohort(target, table_csv=table, report_html=report, metrics={"dice_mean": 0.9}) != first


def test_a_cohort_needs_a_name_and_its_files(store, tmp_path):
    with pytest.raises(InputError, match="cohort name"):
        record_cohort(store, table_csv=tmp_path, report_html=tmp_path, metrics={})
    with pytest.raises(InputError, match=r"cohort\.csv"):
        record_cohort(store, table_csv=tmp_path / "no", report_html=tmp_path, metrics={}, cohort="c")
