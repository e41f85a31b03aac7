from __future__ import annotations

from pathlib import Path

import pytest

from cardioscar.errors import ConfigError
from cardioscar.stages import evaluate, summarize_cohort
from cardioscar.stages.cohort import read_cohort
from cardioscar.stages.places import local_folder


def test_paths_and_file_addresses_are_folders() -> None:
    assert local_folder("a/b", where="results_uri") == Path("a/b")
    assert local_folder("file:///a/b", where="results_uri") == Path("/a/b")


def test_no_door_takes_an_object_store_for_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cohort" / "P001").mkdir(parents=True)
    with pytest.raises(ConfigError, match="cohort: expected a folder .* found an s3:// address"):
        read_cohort("s3://bucket/cohort")
    with pytest.raises(ConfigError, match="cohort: expected a folder .* found an s3:// address"):
        read_cohort(Path("s3://bucket/cohort"))
    with pytest.raises(ConfigError, match="results_uri: expected a folder"):
        summarize_cohort.run("cohort", "s3://bucket/results")
    with pytest.raises(ConfigError, match="results_uri: expected a folder"):
        evaluate.run("cohort", "g", "s", "f", "i", ["P001"], "out", {}, "s3://bucket/results")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cohort"]
