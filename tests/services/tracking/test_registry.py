"""Models are found by subject and by number, newest first, and what is loaded is what was recorded."""

from __future__ import annotations

import json

import pytest

from cardioscar.config import file_sha256
from cardioscar.errors import InputError
from cardioscar.services.tracking import records, registry, registry_search
from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.recording import record_subject
from cardioscar.services.tracking.registry import MetricFilter
from cardioscar.stages.scar3d.workflow import SCAR_FIELD


@pytest.fixture
def target(store, cohort) -> TrackingTarget:
    """The store, seen from one cohort."""
    return TrackingTarget(store.uri, cohort)


def subjects(rows):
    return [row.subject for row in rows]


def test_a_subject_is_found_newest_first(target, make_record):
    old = record_subject(target, make_record(weight=0.1, metrics={"dice": 0.7}))
    record_subject(target, make_record("P002"))
    new = record_subject(target, make_record(weight=0.2, metrics={"dice": 0.9}, qc="review"))

    (row,) = registry.find(target, SCAR_FIELD, subject="P001")
    assert (row.version, row.run_id, row.model_id, row.qc) == (
        new.version,
        new.run_id,
        new.model_id,
        "review",
    )
    assert row.metrics == {"dice": 0.9}
    both = registry.find(target, SCAR_FIELD, subject="P001", newest_only=False)
    assert [row.version for row in both] == [new.version, old.version]


def test_everything_is_found_newest_first_and_limited(target, make_record):
    for subject in ("P001", "P002", "P003"):
        record_subject(target, make_record(subject))
    assert subjects(registry.find(target, SCAR_FIELD)) == ["P003", "P002", "P001"]
    assert subjects(registry.find(target, SCAR_FIELD, limit=2)) == ["P003", "P002"]


def test_dice_below_judges_the_newest_version(target, make_record):
    record_subject(target, make_record("P001", weight=0.1, metrics={"dice": 0.5}))
    record_subject(target, make_record("P001", weight=0.2, metrics={"dice": 0.95}))  # mended since
    record_subject(target, make_record("P002", metrics={"dice": 0.85}))
    record_subject(target, make_record("P003", metrics={"dice": 0.9}))
    record_subject(target, make_record("P004", metrics={"dice": float("nan")}))  # undefined is not low
    record_subject(target, make_record("P005", metrics={"dice": 0.1}, qc="fail"))  # never became a model
    assert subjects(registry.find(target, SCAR_FIELD, dice_below=0.9)) == ["P002"]
    assert subjects(registry.find(target, SCAR_FIELD, dice_below=0.9, newest_only=False)) == ["P002", "P001"]
    assert subjects(registry.find(target, SCAR_FIELD, dice_below=0.9, subject="P001", newest_only=False)) == ["P001"]


def questions(client) -> list[str]:
    """Notes each question that a client asks, and the number of metrics that the answer holds."""
    asked = []

    def noting(name, search):
        def ask(*arguments, **options):
            page = search(*arguments, **options)
            asked.append((name, len(page), sum(len(getattr(one, "metrics", None) or []) for one in page)))
            return page

        return ask

    for name in ("search_logged_models", "search_runs", "search_model_versions"):
        setattr(client, name, noting(name, getattr(client, name)))
    return asked


def test_one_question_with_few_numbers_finds_what_is_low(target, make_record, monkeypatch):
    many = {f"number_{i}": float(i) for i in range(30)}
    for i in range(4):
        record_subject(target, make_record(f"P00{i}", weight=0.1, metrics=many | {"dice": 0.5}))
    record_subject(target, make_record("P000", weight=0.2, metrics=many | {"dice": 0.95}))
    client = connect(target)
    asked = questions(client)
    monkeypatch.setattr(registry, "connect", lambda target, create: client)
    low = registry.find(target, SCAR_FIELD, dice_below=0.9)
    assert subjects(low) == ["P003", "P002", "P001"]
    assert asked == [("search_logged_models", 3, 3)]
    assert [dict(row.metrics) for row in low] == [{"dice": 0.5}] * 3
    whole = registry.find(target, SCAR_FIELD, dice_below=0.9, all_metrics=True)
    assert [dict(row.metrics) for row in whole] == [many | {"dice": 0.5}] * 3
    # what the models do not bear is asked of the runs
    found = registry.find(
        target, SCAR_FIELD, conditions=[MetricFilter("number_7", "=", 7.0), MetricFilter("dice", ">", 0.9)]
    )
    assert (subjects(found), found[0].metrics["number_29"]) == (["P000"], 29.0)


def test_an_experiment_that_somebody_else_made_is_searched_too(store, make_record, cohort):
    """Also one that an earlier version made: its models bear all their numbers, and no tag of the newest."""
    own, other = TrackingTarget(store.uri, f"{cohort} b"), TrackingTarget(store.uri, cohort)
    connect(store).create_experiment(cohort)
    for target in (own, other):
        name = target.experiment
        record_subject(target, make_record("P001", cohort=name, weight=0.1, metrics={"dice": 0.3, "odd": 1.0}))
        record_subject(target, make_record("P001", cohort=name, weight=0.2, metrics={"dice": 0.95, "odd": 1.0}))
        record_subject(target, make_record("P002", cohort=name, metrics={"dice": 0.4, "odd": 2.0}))
    client = connect(store)
    ids = {name: client.get_experiment_by_name(name).experiment_id for name in (own.experiment, other.experiment)}
    kept = {name: client.search_logged_models([number])[0].metrics for name, number in ids.items()}
    assert {name: len(metrics) for name, metrics in kept.items()} == {own.experiment: 1, other.experiment: 2}
    for target in (own, other):
        assert subjects(registry.find(target, SCAR_FIELD, dice_below=0.9)) == ["P002"]
        assert subjects(registry.find(target, SCAR_FIELD, conditions=[MetricFilter("odd", "<", 1.5)])) == ["P001"]
    both = [row for row in registry.find(store, SCAR_FIELD, dice_below=0.9, limit=10_000) if row.cohort in ids]
    assert [(row.subject, row.cohort) for row in both] == [("P002", other.experiment), ("P002", own.experiment)]


def test_an_attempt_that_was_cut_off_leaves_one_newest(target, make_record, monkeypatch):
    from cardioscar.services.tracking import recording as tracking

    record_subject(target, make_record("P001", weight=0.1, metrics={"dice": 0.5}))
    second = make_record("P001", weight=0.2, metrics={"dice": 0.6})

    def cut(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tracking, "supersede", cut)
        with pytest.raises(KeyboardInterrupt):
            record_subject(target, second)
    assert [row.metrics["dice"] for row in registry.find(target, SCAR_FIELD, dice_below=0.9)] == [
        0.6
    ]  # of two, the later
    got = record_subject(target, second)
    assert not got.reused
    client = connect(target)
    found = client.search_logged_models([client.get_experiment_by_name(target.experiment).experiment_id])
    newest = {model.tags[records.TAG_VERSION]: model.tags[records.TAG_NEWEST] for model in found}
    assert newest == {str(got.version): "yes", str(got.version - 1): "no"}


def test_numbers_are_compared_as_numbers(target, make_record):
    record_subject(target, make_record("P001", metrics={"aha.scar-ml": 9.5}))
    record_subject(target, make_record("P002", metrics={"aha.scar-ml": 10.5}))
    over = MetricFilter.parse("aha.scar-ml > 1e1")
    assert subjects(registry.find(target, SCAR_FIELD, conditions=[over])) == ["P002"]
    between = [MetricFilter("aha.scar-ml", ">=", 9.5), MetricFilter("aha.scar-ml", "<", 10)]
    assert subjects(registry.find(target, SCAR_FIELD, conditions=between)) == ["P001"]


def test_quality_restricts_the_rows(target, make_record):
    record_subject(target, make_record("P001", qc="review"))
    record_subject(target, make_record("P002", qc="pass"))
    assert subjects(registry.find(target, SCAR_FIELD, qc="review")) == ["P001"]
    assert subjects(registry.find(target, SCAR_FIELD, qc="pass", dice_below=0.9)) == ["P002"]
    assert registry.find(target, SCAR_FIELD, qc="fail") == []


def test_maps_that_failed_are_listed_by_their_runs(target, make_record):
    record_subject(target, make_record("P001", weight=0.1, qc="fail", started_ms=1_700_000_000_000))
    record_subject(target, make_record("P001", weight=0.2, started_ms=1_700_000_001_000))  # mended since
    reasons = ("5 of 9 slices do not fit the mesh", "a thin wall")
    lost = record_subject(
        target, make_record("P002", qc="fail", metrics={"dice": 0.3}, reasons=reasons, texts={"septum": "guessed"})
    )
    record_subject(target, make_record("P003", qc="review"))
    (row,) = registry.find(target, SCAR_FIELD, qc="fail")
    assert (row.subject, row.version, row.model_id, row.run_id, row.qc) == ("P002", None, None, lost.run_id, "fail")
    assert (row.metrics, row.reasons, row.texts["septum"]) == ({"dice": 0.3}, "; ".join(reasons), "guessed")
    assert subjects(registry.find(target, SCAR_FIELD, qc="fail", newest_only=False)) == ["P002", "P001"]
    assert subjects(registry.find(target, SCAR_FIELD, qc="fail", subject="P001", newest_only=False)) == ["P001"]
    assert registry.find(target, SCAR_FIELD, qc="fail", dice_below=0.3) == []
    assert subjects(registry.find(target, SCAR_FIELD, qc="fail", dice_below=0.31)) == ["P002"]
    assert subjects(registry.find(target, SCAR_FIELD)) == ["P003", "P001"]


def test_more_failed_maps_than_one_page(target, make_record, monkeypatch):
    monkeypatch.setattr(registry, "PAGE", 2)
    for i in range(5):
        record_subject(target, make_record(f"P00{i}", qc="fail", started_ms=1_700_000_000_000 + i))
    assert subjects(registry.find(target, SCAR_FIELD, qc="fail")) == ["P004", "P003", "P002", "P001", "P000"]
    assert subjects(registry.find(target, SCAR_FIELD, qc="fail", limit=3)) == ["P004", "P003", "P002"]


def test_reasons_of_the_verdict_are_shown(target, make_record):
    record_subject(
        target, make_record("P001", qc="review", reasons=("a thin wall", "few slices"), texts={"septum": "given"})
    )
    shown = registry.show(target, SCAR_FIELD, "P001")
    assert (shown["qc"], shown["reasons"], shown["septum"]) == ("review", "a thin wall; few slices", "given")


def test_more_models_than_one_page(target, make_record, monkeypatch):
    monkeypatch.setattr(registry_search, "PAGE", 2)
    monkeypatch.setattr(registry, "PAGE", 2)
    for i in range(5):
        record_subject(target, make_record(f"P00{i}", metrics={"dice": 0.5}))
    newest_first = ["P004", "P003", "P002", "P001", "P000"]
    assert subjects(registry.find(target, SCAR_FIELD)) == newest_first
    assert subjects(registry.find(target, SCAR_FIELD, dice_below=0.9)) == newest_first


def test_another_cohort_is_not_looked_at(store, target, make_record):
    record_subject(target, make_record("P001"))
    assert registry.find(TrackingTarget(store.uri, "no such cohort"), SCAR_FIELD) == []
    other = TrackingTarget(store.uri, f"{target.experiment} b")
    record_subject(other, make_record("Q001", cohort=other.experiment))
    assert subjects(registry.find(target, SCAR_FIELD)) == ["P001"]
    assert subjects(registry.find(target, SCAR_FIELD, dice_below=0.9)) == ["P001"]


@pytest.mark.parametrize("text", ["dice", "dice < low", "< 0.9", "dice ~ 1", "di'ce < 1", "dice < 1 AND x > 0"])
def test_a_condition_that_is_none_is_refused(text):
    with pytest.raises(InputError):
        MetricFilter.parse(text)


def test_a_subject_id_cannot_smuggle_a_filter(target):
    with pytest.raises(InputError, match="subject id"):
        registry.find(target, SCAR_FIELD, subject="P001' OR tags.`cs.subject` != '")


def test_show_describes_one_model_as_json(target, make_record):
    got = record_subject(target, make_record())
    shown = json.loads(json.dumps(registry.show(target, SCAR_FIELD, "P001")))
    assert shown["version"] == got.version
    assert shown["metrics"] == {"dice": 0.8, "scar_volume_ml": 7.5}
    assert shown["params"] == {"steps": "300"}
    assert shown["artifacts"] == ["figures", "report.html"]
    assert len(shown["sha256"]["field.safetensors"]) == 64
    assert registry.show(target, SCAR_FIELD, got.version) == shown
    assert registry.show(target, SCAR_FIELD, str(got.version)) == shown


def test_digits_are_a_subject_before_they_are_a_version(target, make_record):
    first = record_subject(target, make_record("P001"))
    record_subject(target, make_record(str(first.version)))
    assert registry.show(target, SCAR_FIELD, str(first.version))["subject"] == str(first.version)
    assert registry.show(target, SCAR_FIELD, first.version)["subject"] == "P001"


def test_what_is_loaded_is_what_was_recorded(target, make_record, tmp_path):
    from safetensors.numpy import load_file

    old = record_subject(target, make_record(weight=0.25))
    record_subject(target, make_record(weight=0.75))
    folder = registry.load(target, SCAR_FIELD, subject="P001", destination=tmp_path / "new")
    assert load_file(folder / "field.safetensors")["weight"].mean() == 0.75
    assert json.loads((folder / "field.json").read_text()) == {"architecture": "fourier"}
    assert {path.name for path in folder.iterdir()} == {"field.safetensors", "field.json"}

    folder = registry.load(target, SCAR_FIELD, version=old.version, destination=tmp_path / "old")
    assert load_file(folder / "field.safetensors")["weight"].mean() == 0.25


@pytest.mark.parametrize("name", ["field.safetensors", "field.json"])
def test_a_changed_or_missing_file_is_refused_and_nothing_is_replaced(target, make_record, tmp_path, name):
    got = record_subject(target, make_record())
    location = connect(target).get_logged_model(got.model_id).artifact_location
    (stored,) = [p for p in target.database.parent.rglob(name) if got.model_id in p.as_posix()]
    assert got.model_id in location
    destination = tmp_path / "out"
    destination.mkdir()
    (destination / name).write_text("mine")

    stored.write_bytes(stored.read_bytes() + b" ")
    with pytest.raises(InputError, match="the artifact was changed"):
        registry.load(target, SCAR_FIELD, subject="P001", destination=destination)
    stored.unlink()
    with pytest.raises(InputError, match=f"{name}: expected a file in the artifact store"):
        registry.load(target, SCAR_FIELD, subject="P001", destination=destination)
    assert [(path.name, path.read_text()) for path in destination.iterdir()] == [(name, "mine")]


@pytest.mark.parametrize("name", ["field.safetensors", "field.json"])
def test_a_file_of_somebody_elses_is_not_replaced(target, make_record, tmp_path, name):
    record_subject(target, make_record())
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=f"{name}: expected a folder without such a file"):
        registry.load(target, SCAR_FIELD, subject="P001", destination=tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir() if path.is_file()] == [(name, "mine")]


def test_a_field_is_loaded_again_but_not_into_results(target, make_record, tmp_path):
    record_subject(target, make_record(weight=0.25))
    folder = registry.load(target, SCAR_FIELD, subject="P001", destination=tmp_path / "new")
    assert registry.load(target, SCAR_FIELD, subject="P001", destination=folder) == folder
    weights = folder / "field.safetensors"
    (folder / "field.json").write_text(json.dumps({"weights_sha256": file_sha256(weights)}))
    (folder / "status.json").write_text("{}")
    before = weights.read_bytes()
    record_subject(target, make_record(weight=0.75))
    with pytest.raises(InputError, match="with nothing but a model that was loaded before"):
        registry.load(target, SCAR_FIELD, subject="P001", destination=folder)
    assert weights.read_bytes() == before
    (folder / "status.json").unlink()
    registry.load(target, SCAR_FIELD, subject="P001", destination=folder)
    assert weights.read_bytes() != before


def test_what_does_not_exist_is_said(target, make_record, tmp_path):
    record_subject(target, make_record())
    with pytest.raises(InputError, match="a model of subject P002, found none"):
        registry.load(target, SCAR_FIELD, subject="P002", destination=tmp_path)
    with pytest.raises(InputError, match="version 999999"):
        registry.show(target, SCAR_FIELD, 999999)
    with pytest.raises(InputError, match="found neither"):
        registry.load(target, SCAR_FIELD, destination=tmp_path)
    with pytest.raises(InputError, match="found both"):
        registry.load(target, SCAR_FIELD, subject="P001", version=1, destination=tmp_path)


def test_one_id_in_two_cohorts_is_never_guessed(store, target, make_record, tmp_path):
    other = TrackingTarget(store.uri, f"{target.experiment} b")
    record_subject(target, make_record("TWIN-1", weight=0.1))
    record_subject(other, make_record("TWIN-1", weight=0.2, cohort=other.experiment))
    with pytest.raises(InputError, match="the subject is in several"):
        registry.load(store, SCAR_FIELD, subject="TWIN-1", destination=tmp_path)
    assert registry.show(other, SCAR_FIELD, "TWIN-1")["cohort"] == other.experiment


def test_quality_is_judged_by_the_newest_version(target, make_record):
    record_subject(target, make_record("P001", weight=0.1, qc="review"))
    record_subject(target, make_record("P001", weight=0.2, qc="pass"))  # mended since
    record_subject(target, make_record("P002", qc="review"))
    assert subjects(registry.find(target, SCAR_FIELD, qc="review")) == ["P002"]
    assert subjects(registry.find(target, SCAR_FIELD, qc="review", newest_only=False)) == ["P002", "P001"]
