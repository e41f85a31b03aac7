from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from cardioscar.cohort.output_place import check_output
from cardioscar.cohort.reading import read_cohort
from cardioscar.errors import ConfigError
from cardioscar.services.store.places import local_folder, place
from cardioscar.services.store.s3_uri import S3Place
from cardioscar.stages import summarize_cohort
from cardioscar.stages.recording import Recording
from cardioscar.stages.scar3d import evaluate
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from cardioscar.stages.scar3d.workflow import RECONSTRUCT

summarize_cohort_of_scar = partial(summarize_cohort.run, family=RECONSTRUCT)


@pytest.mark.parametrize("read", [local_folder, place])
def test_paths_and_file_addresses_are_folders(read) -> None:
    assert read("a/b", where="results_uri") == Path("a/b")
    assert read(Path("a/b"), where="results_uri") == Path("a/b")
    assert read("file:///a/b", where="results_uri") == Path("/a/b")


@pytest.mark.parametrize("uri", ["s3://bucket/a/b", "s3://bucket/a/b/", Path("s3://bucket/a/b")])
def test_an_address_of_an_object_store_is_one_even_as_a_path(uri: str | Path) -> None:
    assert place(uri, where="cohort") == S3Place("bucket", "a/b")
    with pytest.raises(ConfigError, match=r"^out: expected a folder of this machine \(only cohort and results"):
        local_folder(uri, where="out")


@pytest.mark.parametrize("uri", ["gs://bucket/a", "https://host/a", "s3://", "s3://bucket/a/../b", "s3://bucket//a"])
def test_what_is_no_place_is_refused_at_every_door(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cohort" / "P001").mkdir(parents=True)
    for door in (
        lambda: place(uri, where="cohort"),
        lambda: check_output(uri, "out", SCAR3D_LAYOUT),
        lambda: summarize_cohort_of_scar("cohort", Recording(uri)),
        lambda: summarize_cohort_of_scar(uri, Recording("results")),
        lambda: evaluate.run("cohort", "g", "s", "f", "i", ["P001"], "out", {}, Recording(uri)),
    ):
        with pytest.raises(ConfigError, match=r"^(cohort|results_uri): expected .*s3://"):
            door()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cohort"]


def test_who_reads_files_in_place_takes_no_object_store_for_a_folder() -> None:
    with pytest.raises(ConfigError, match=r"^cohort: expected a folder of this machine .* found an address s3://$"):
        read_cohort("s3://bucket/cohort", SCAR3D_LAYOUT)
