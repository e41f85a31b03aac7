"""A word on a result marks the run of that result, and no other cohort's and no earlier one's."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cardioscar.errors import InputError
from cardioscar.services.tracking.client import TrackingTarget, connect
from cardioscar.services.tracking.recording import record_subject
from cardioscar.services.tracking.signoff import TAG_SIGNED_OFF, TAG_SIGNOFF_NOTE, tag_signoff


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def test_the_run_of_this_result_alone_is_marked(store, make_record, cohort, tmp_path: Path) -> None:
    runs: dict[str, str] = {}
    for name, of, content in (
        ("other cohort", f"{cohort} other", "{}"),
        ("this", cohort, "{}"),
        ("newer", cohort, '{"a": 1}'),
    ):
        metrics = tmp_path / f"{name}.json"
        metrics.write_text(content)
        parts = {"cohort": of, "artifacts": {"metrics.json": metrics}, "run_key": sha256(f"{cohort} {name}")}
        runs[name] = record_subject(store, make_record(**parts)).run_id
    client = connect(store)

    def marked() -> dict[str, str | None]:
        return {name: client.get_run(run).data.tags.get(TAG_SIGNED_OFF) for name, run in runs.items()}

    here = TrackingTarget(store.uri, cohort)
    assert tag_signoff(here, "P001", sha256("{}"), "accepted", "seen") == runs["this"]
    assert marked() == {"other cohort": None, "this": "accepted", "newer": None}
    assert client.get_run(runs["this"]).data.tags[TAG_SIGNOFF_NOTE] == "seen"
    tag_signoff(here, "P001", sha256("{}"), "", "")
    assert marked() == {"other cohort": None, "this": "", "newer": None}
    for target, subject, result in (
        (here, "P002", "{}"),
        (here, "P001", "another"),
        (TrackingTarget(store.uri, "no such cohort"), "P001", "{}"),
    ):
        with pytest.raises(InputError, match=f"experiment: expected one with the run of this result of {subject}"):
            tag_signoff(target, subject, sha256(result), "accepted", "")
    with pytest.raises(InputError, match="experiment: expected the name of the cohort's experiment"):
        tag_signoff(TrackingTarget(store.uri), "P001", sha256("{}"), "accepted", "")
    assert marked() == {"other cohort": None, "this": "", "newer": None}
