"""`explain`, `compare` and `export` of results in an object store say and write what they do of a folder's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cardioscar.services.store.s3_uri import S3Place
from tests.commands.conftest import Said
from tests.finished_run import Run
from tests.stored import bucket, emulated_endpoint, put_folder, s3_endpoint

__all__ = ["bucket", "emulated_endpoint", "s3_endpoint"]

Cardioscar = Callable[..., Said]


@pytest.fixture
def stored(bucket: S3Place, finished: Run) -> S3Place:
    return put_folder(finished.out / "results", bucket / "results/trial")


def test_explain(stored: S3Place, finished: Run, cardioscar: Cardioscar) -> None:
    assert cardioscar("explain", stored, "P001") == cardioscar("explain", finished.out, "P001")
    said = cardioscar("explain", stored, "P999")
    assert (said.code, "P999: expected a subject of these results (" in said.err) == (2, True)
    said = cardioscar("explain", stored / "none", "P001")
    assert said.code == 2
    assert f"{stored}/none: expected results of a run, with cohort.json, found none" in said.err


def test_compare(stored: S3Place, finished: Run, cardioscar: Cardioscar, tmp_path: Path) -> None:
    page = tmp_path / "compare.html"
    said = cardioscar("compare", finished.out, stored, "--json", "--html", page)
    assert json.loads(said.out) == json.loads(cardioscar("compare", finished.out, finished.out, "--json").out)
    assert "s3://" not in page.read_text(encoding="utf-8")


def test_export(stored: S3Place, finished: Run, cardioscar: Cardioscar, tmp_path: Path) -> None:
    words = ("P001", "--to", "opencarp", "paraview", "-o")
    assert cardioscar("export", stored, *words, tmp_path / "stored").code == 0
    assert cardioscar("export", finished.out, *words, tmp_path / "here").code == 0
    written = sorted((tmp_path / "here" / "P001").iterdir())
    assert len(written) >= 6
    for path in written:
        assert (tmp_path / "stored" / "P001" / path.name).read_bytes() == path.read_bytes(), path.name


def test_what_no_marker_vouches_for_is_no_result(
    bucket: S3Place, finished: Run, cardioscar: Cardioscar, tmp_path: Path
) -> None:
    half = finished.copy(tmp_path / "half")
    (half.out / "results" / "P001" / "status.json").unlink()
    said = cardioscar(
        "export", put_folder(half.out / "results", bucket / "half"), "P001", "--to", "nifti", "-o", tmp_path
    )
    assert said.code == 2
    assert (
        "P001: expected a finished scar map, with scar.vtu and metrics.json, found none; `cardioscar explain`"
        in said.err
    )
