"""A small cohort, and the command line as a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cardioscar.cli import main
from cardioscar.phantom.cohort import write_cohort
from cardioscar.phantom.config import PhantomConfig

SMALL = PhantomConfig(
    subjects=2, corrupt=1, nodes=1_500, scar="smooth", pixel_mm=(2.0, 2.0), thickness_mm=(8.0, 8.0),
    spacing_mm=(9.0, 9.0), seed=5,
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """P001 is good, the images of P002 are cut off; do not write to it."""
    folder = tmp_path_factory.mktemp("phantoms") / "cohort"
    write_cohort(folder, SMALL)
    return folder


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tracking server of the outside is used, and no width of its terminal."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def cardioscar(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs `cardioscar WORDS…` in this process."""

    def run(*words: object) -> Said:
        try:
            code = main([str(word) for word in words])
        except SystemExit as ended:  # of the parser, for --help and wrong flags
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run
