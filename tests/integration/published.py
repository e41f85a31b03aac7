"""What must hold of a cohort's results in the object store and of its records in MLflow, whatever went wrong before."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from cardioscar.services.store import claim as storage_claim
from cardioscar.services.tracking import records
from cardioscar.stages.scar3d.workflow import RECONSTRUCT, SCAR_FIELD
from tests.integration.ceph import Ceph

STAMP, MARKER = "run.json", "status.json"


def rows(ceph: Ceph, bucket: str, prefix: str) -> dict[str, dict[str, Any]]:
    """Each subject's published row, after comparing every object below it with the hash that the row states.

    A subject without a row may have objects (its publication did not end); one with a row has those of the row, all of
    them, and no others but the stamp.
    """
    objects = ceph.objects(bucket, prefix)
    found = {}
    for subject in sorted({key.split("/")[0] for key in objects if "/" in key}):
        own = {key.removeprefix(f"{subject}/"): body for key, body in objects.items() if key.startswith(f"{subject}/")}
        if MARKER not in own:
            continue
        row = json.loads(own[MARKER])
        beside = (MARKER, STAMP, storage_claim.NAME)  # a killed process leaves its claim
        stored = {name: hashlib.sha256(body).hexdigest() for name, body in own.items() if name not in beside}
        wrong = sorted(name for name, sha in row["outputs"].items() if stored.get(name) != sha)
        assert not wrong, f"{subject}: the row vouches for {wrong}, which differ"
        extra = stored.keys() - row["outputs"].keys()
        assert extra <= set(RECONSTRUCT.results.earlier), f"{subject}: left over: {sorted(extra)}"
        recorded = ceph.recorded_hashes(bucket, [f"{prefix}/{subject}/{name}" for name in sorted(extra)])
        torn = sorted(name for name, sha in zip(sorted(extra), recorded, strict=True) if stored[name] != sha)
        assert not torn, f"{subject}: {torn} differ from the hash recorded with them"
        found[subject] = row
    return found


def complete(ceph: Ceph, bucket: str, prefix: str, subjects: Iterable[str]) -> None:
    """Every subject is there with the files that users rely on."""
    found = rows(ceph, bucket, prefix)
    assert sorted(found) == sorted(subjects)
    assert {row["outcome"] for row in found.values()} == {"ok"}
    for subject in found:
        names = set(ceph.objects(bucket, f"{prefix}/{subject}"))
        assert storage_claim.NAME not in names
        assert {"scar.vtu", "field.safetensors", "field.json", "metrics.json", "report.html"} <= names


def recorded(uri: str, experiment: str) -> tuple[Mapping[str, list[Any]], Mapping[str, int]]:
    """Runs, and number of model versions, of each subject of an experiment."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    known = client.get_experiment_by_name(experiment)
    if known is None:
        return {}, {}
    runs: dict[str, list[Any]] = {}
    for run in client.search_runs([known.experiment_id], f"tags.`{records.TAG_KIND}` = 'subject'", max_results=1000):
        runs.setdefault(run.data.tags[records.TAG_SUBJECT], []).append(run)
    ids = {run.info.run_id for of_subject in runs.values() for run in of_subject}
    versions = client.search_model_versions(f"name = '{SCAR_FIELD.name}'", max_results=1000)
    return runs, Counter(v.tags[records.TAG_SUBJECT] for v in versions if v.run_id in ids)


def recorded_once(uri: str, experiment: str, subjects: Iterable[str]) -> None:
    """Every subject has exactly one run, which is finished, and one model version."""
    runs, versions = recorded(uri, experiment)
    assert {subject: [run.info.status for run in found] for subject, found in runs.items()} == {
        subject: ["FINISHED"] for subject in subjects
    }
    assert versions == dict.fromkeys(subjects, 1)
