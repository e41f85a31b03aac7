"""Two families record the same subject of the same cohort, and neither look-up sees the other's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cardioscar.errors import ConfigError, InputError
from cardioscar.services.tracking import registry
from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.erasure import erase_from_mlflow, find_in_mlflow
from cardioscar.services.tracking.model_kind import ModelFile, ModelKind
from cardioscar.services.tracking.recording import record_subject
from cardioscar.services.tracking.records import SubjectRecord, run_key
from cardioscar.services.tracking.registry import MetricFilter
from cardioscar.stages.families import WORKFLOWS
from cardioscar.stages.scar3d.workflow import SCAR_FIELD
from tests.toy_family.workflow import AREA

COUNTED = ModelKind("toy-counts", "toy-count", "counted")


def area(folder: Path, cohort: str, subject: str, value: float, **parts: Any) -> SubjectRecord:
    """What the toy family records."""
    (folder / "map.bin").write_bytes(bytes([int(value)]))
    whole = {"qc": "pass", "files": {"map.bin": folder / "map.bin"}, "metrics": {"area_mm2": value, "dice": 0.1}}
    key = run_key(subject, {}, f"{value}", "1")
    return SubjectRecord(
        **({"kind": AREA, "subject": subject, "cohort": cohort, "run_key": key, "started_ms": 1} | whole | parts)
    )


def test_families_record_and_look_up_beside_each_other(store, make_record, cohort, tmp_path) -> None:
    target = TrackingTarget(store.uri, cohort)
    scar = record_subject(target, make_record("P001", texts={"septum": "mesh"}))
    first = record_subject(target, area(tmp_path, cohort, "P001", 7, texts={"size": "large"}))
    newer = record_subject(target, area(tmp_path, cohort, "P001", 9))
    record_subject(target, area(tmp_path, cohort, "P002", 3, qc="fail"))

    assert (newer.version, newer.reused) == (first.version + 1, False)
    [own] = registry.find(target, AREA)
    assert (own.subject, own.version, own.metrics, own.texts) == (
        "P001",
        newer.version,
        {"area_mm2": 9.0},
        {"size": ""},
    )
    assert [row.version for row in registry.find(target, AREA, newest_only=False)] == [newer.version, first.version]
    [of_scar] = registry.find(target, SCAR_FIELD)
    assert (of_scar.run_id, of_scar.version, of_scar.texts) == (scar.run_id, scar.version, {"septum": "mesh"})

    # by verdicts and numbers, on models and on runs; each is the newest of its own kind
    low = [MetricFilter("dice", "<", 0.5)]
    assert [row.run_id for row in registry.find(target, AREA, conditions=low)] == [newer.run_id]
    assert registry.find(target, SCAR_FIELD, conditions=low) == []
    assert [row.run_id for row in registry.find(target, SCAR_FIELD, qc="pass")] == [scar.run_id]
    assert [row.subject for row in registry.find(target, AREA, qc="fail")] == ["P002"]
    assert registry.find(target, SCAR_FIELD, qc="fail") == []

    shown = registry.show(target, AREA, "P001")
    assert (shown["model"], list(shown["sha256"]), "septum" in shown) == ("toy-areas", ["map.bin"], False)
    loaded = registry.load(target, AREA, subject="P001", destination=tmp_path / "loaded")
    assert [(path.name, path.read_bytes()) for path in loaded.iterdir()] == [("map.bin", b"\x09")]


def test_a_kind_without_files_has_runs_and_no_models(store, cohort) -> None:
    target = TrackingTarget(store.uri, cohort)
    made = record_subject(target, SubjectRecord(COUNTED, "P001", cohort, "ab" * 32, "pass", 1, metrics={"beats": 60.0}))
    assert (made.version, made.model_id) == (None, None)
    run = connect(target).get_run(made.run_id)
    assert (run.data.metrics, run.data.tags["cs.kind"], run.info.status) == ({"beats": 60.0}, "counted", "FINISHED")
    assert run.data.tags["mlflow.note.content"] == "**Quality: pass**"  # no figure of it is a key figure
    assert registry.find(target, COUNTED) == []


def test_an_erasure_takes_what_every_family_recorded(make_record, cohort, tmp_path) -> None:
    own = TrackingTarget.local(tmp_path / "store", cohort)
    record_subject(own, make_record("P001"))
    record_subject(own, area(tmp_path, cohort, "P001", 7))
    record_subject(own, area(tmp_path, cohort, "P002", 8))
    found = find_in_mlflow(own, "P001", lambda folder, subject: False)
    assert found.versions == (("cardioscar-scar3d", "1"), ("toy-areas", "1"))
    erase_from_mlflow(own, "P001", lambda folder, subject: False)
    assert [row.subject for row in registry.find(own, AREA)] == ["P002"]
    assert registry.find(own, SCAR_FIELD) == []


@pytest.mark.parametrize("parts", [{"files": {}}, {"texts": {"septum": "mesh"}}])
def test_a_record_holds_what_its_kind_says(parts: dict[str, Any], cohort: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="record: expected the files and texts of toy-areas, found others"):
        area(tmp_path, cohort, "P001", 1, **parts)


@pytest.mark.parametrize(
    ("parts", "rule"),
    [
        ({"name": "a' OR name != '"}, "for each name"),
        ({"texts": ("Size`",)}, "for texts and roles"),
        ({"files": (ModelFile("a", "map"), ModelFile("b", "map"))}, "a role for each file"),
    ],
)
def test_names_that_cannot_be_recorded_are_refused(parts: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        ModelKind(**({"name": "n", "model_type": "t", "run_kind": "r"} | parts))


def test_families_share_no_name() -> None:
    kinds = [workflow.model for workflow in WORKFLOWS if workflow.model]
    for names in (
        [kind.name for kind in kinds],
        [kind.model_type for kind in kinds],
        [kind.run_kind for kind in kinds],
    ):
        assert len({*names, "cohort", "prior"}) == len(names) + 2
    assert len({workflow.name for workflow in WORKFLOWS}) == len(WORKFLOWS)
