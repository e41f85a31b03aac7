"""Damaged files of every format: none crashes, hangs or fools its reader but where nothing can tell."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.image_samples import SAMPLES

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
CHECKED = ("nii.gz", "nrrd.gz", "nrrd.bz2", "nhdr", "mha.zlib", "mhd", "zraw")
"""Formats whose voxels have a checksum."""


@pytest.fixture
def damaged_images(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, which finds its neighbours as a script does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("damaged_images", FOLDER / "damaged_images.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "damaged_images", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SAMPLES)
def test_damaged_files_are_refused_or_differ_where_nothing_can_tell(
    name: str, damaged_images: ModuleType, tmp_path: Path
) -> None:
    sample = SAMPLES[name]()
    found, peak_mib = damaged_images.try_sample(sample, 12 if name in damaged_images.SLOW else 150, 11, tmp_path)
    outcomes = {answer.split()[0] for _, answer in found}
    assert outcomes <= {"refused", "equal", "different"}, found
    assert "refused" in outcomes
    assert peak_mib < 500
    for kind, answer in found:
        if answer.startswith("different"):
            # a cut file and one with a piece twice have another length, or a field twice
            assert kind in ("header flip", "voxel flip", "left out"), found
            # a field that may be missing has a value that is said to be assumed
            assert kind != "left out" or answer == "different frame with a warning", found
            # what a checksum covers differs nowhere; what it does not is the frame
            assert name not in CHECKED or answer.startswith("different frame"), found


def test_the_same_seed_damages_alike(damaged_images: ModuleType) -> None:
    sample = SAMPLES["mha"]()
    first = list(damaged_images.damages(sample, 40, 1))
    assert first == list(damaged_images.damages(sample, 40, 1))
    assert first != list(damaged_images.damages(sample, 40, 2))
    assert {damage.kind for damage in first} == set(damaged_images.KINDS)
    assert all(damage.data != sample.damaged for damage in first)


def test_a_reader_that_dies_or_hangs_is_counted(damaged_images: ModuleType, tmp_path: Path, monkeypatch) -> None:
    whole = tmp_path / "whole"
    whole.write_bytes(b"")
    script = (
        "import os, signal, sys\n"
        "for line in sys.stdin:\n"
        "    signal.alarm(1)\n"
        "    name = line.strip()[-1]\n"
        "    os.abort() if name == 'a' else signal.pause() if name == 'b' else print('equal', 7, flush=True)\n"
    )
    monkeypatch.setattr(damaged_images, "_READER", script)
    reader = damaged_images.Reader(whole)
    assert [reader.read(Path(name)) for name in "xabx"] == ["equal", "crashed", "too long", "equal"]
    assert reader.peak_mib == 7
    reader.close()
