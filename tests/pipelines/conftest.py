"""The golden compiled pipeline."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden" / "reconstruct_cohort.yaml"


@pytest.fixture(scope="session")
def golden_ir():
    from pipelines.ir import IR

    return IR.parse(GOLDEN.read_text(encoding="utf-8"))


@pytest.fixture
def ir(golden_ir):
    """The compiled cohort pipeline, a copy for each test, which may break it."""
    return copy.deepcopy(golden_ir)
