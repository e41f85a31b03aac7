"""Damaged settings, manifests, layers and meshes: refused, or read as what they can be, and never repeated."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
FORMS = {"subject.yaml": 240, "cohort.csv": 240, "mesh.pts": 80, "mesh.elem": 80, "mesh.lon": 80, "layer.vtk": 40}
"""Files of each form; the others are in `tests/imaging/formats/test_damaged_meshes.py`."""


@pytest.fixture
def damaged_texts(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, which finds its neighbours as a script does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("damaged_texts", FOLDER / "damaged_texts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "damaged_texts", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("form", FORMS)
def test_damaged_texts_are_refused_or_read_and_never_repeated(
    form: str, damaged_texts: ModuleType, tmp_path: Path
) -> None:
    found, peak_mib = damaged_texts.try_form(form, FORMS[form], 11, tmp_path)
    assert set(found) <= {"refused", "equal", "different"}, found
    assert found["refused"] > 0.3 * found.total()
    assert peak_mib < 500


def test_what_is_repeated_would_be_seen(damaged_texts: ModuleType, tmp_path: Path) -> None:
    """The whole files hold the text that no message may repeat."""
    for form in ("subject.yaml", "cohort.csv", "layer.vtk", "ascii.vtu", "binary.vtk"):
        (tmp_path / form).mkdir()
        assert damaged_texts.PLANTED.encode() in damaged_texts.write(tmp_path / form, form).read_bytes()
