"""Nothing that an input says becomes a path outside of where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardioscar.cohort.reading import read_cohort
from cardioscar.errors import CardioscarError, InputError
from cardioscar.identity.subject_id import check_subject_id
from cardioscar.services.store.s3_uri import S3Place, check_key
from cardioscar.shard.loop import run_shard
from cardioscar.stages.scar3d.layout import SCAR3D_LAYOUT
from tests.toy_stage import toy

PATHS = [
    "../P001", "..", ".", "/etc/passwd", "a/../../b", "a\\..\\b", "C:\\x", "~/x", "P001\0", "%2e%2e/x",
    "P001/../../x", "\u2024\u2024/x", "..;/x", "file:///etc/passwd", "",
]  # fmt: skip


@pytest.mark.parametrize("text", PATHS)
def test_no_path_is_an_id(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        check_subject_id(text)
    with pytest.raises(InputError):
        run_shard(toy("sum"), [text], tmp_path / "out", None, lambda job: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", [p for p in PATHS if p and not p.startswith(("~", "%", "\u2024", "..;"))])
def test_a_manifest_does_not_lead_outside(text: str, tmp_path: Path) -> None:
    outside = tmp_path / "b"
    outside.write_bytes(b"secret")
    root = tmp_path / "cohort"
    root.mkdir()
    (root / "lge.nii").write_bytes(b"scan")
    (root / "cohort.csv").write_bytes(f'subject,lge,labels\nP001,lge.nii,"{text}"\n'.encode())
    try:
        entries = read_cohort(root, SCAR3D_LAYOUT)
    except InputError:
        return
    assert all(entry.problem for entry in entries)
    assert not any("secret" in str(entry.problem) for entry in entries)


@pytest.mark.parametrize("text", ["../x", "a/../b", "/x", "a//b", "a/", "a\\b", "a\nb", ".", "x" * 256])
def test_no_such_key_becomes_a_path(text: str) -> None:
    with pytest.raises(InputError):
        check_key(text)
    with pytest.raises(InputError):
        S3Place("hearts", "results") / text


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_passes_as_a_key_stays_below_its_folder(first: str, second: str) -> None:
    root = Path("/data/results")
    for key in (first, f"{first}/{second}"):
        try:
            check_key(key)
        except CardioscarError:
            continue
        assert (root / key).resolve().is_relative_to(root)
        assert (root / key).resolve() != root
