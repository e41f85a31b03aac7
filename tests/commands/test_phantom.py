from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cardioscar.phantom.cohort import FILES
from tests.commands.conftest import Said


def test_a_cohort_is_written(cardioscar: Callable[..., Said], tmp_path: Path) -> None:
    out = tmp_path / "new" / "cohort"
    said = cardioscar("phantom", out, "--subjects", 2, "--seed", 3, "--nodes", 1500, "--pixel-mm", 2, 2)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"2 phantoms in {out}: P001 to P002\n"
    assert {p.name for p in out.iterdir()} == {"P001", "P002"}
    assert {p.name for p in (out / "P002").iterdir()} == set(FILES)
