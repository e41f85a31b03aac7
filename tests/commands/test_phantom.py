from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cardioscar.phantom.cohort import FILES
from cardioscar.phantom.people.cohort import FILES as PEOPLE_FILES
from tests.commands.conftest import Said


def test_a_cohort_is_written(cardioscar: Callable[..., Said], tmp_path: Path) -> None:
    out = tmp_path / "new" / "cohort"
    said = cardioscar("phantom", out, "--subjects", 2, "--seed", 3, "--nodes", 1500, "--pixel-mm", 2, 2)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"2 phantoms in {out}: P001 to P002\n"
    assert {p.name for p in out.iterdir()} == {"P001", "P002"}
    assert {p.name for p in (out / "P002").iterdir()} == set(FILES)


def test_hearts_that_are_like_people(cardioscar: Callable[..., Said], tmp_path: Path) -> None:
    said = cardioscar("phantom", tmp_path / "out", "--family", "people", "--subjects", 2, "--seed", 3)
    assert (said.code, said.err) == (0, "")
    assert {p.name for p in (tmp_path / "out" / "P002").iterdir()} == set(PEOPLE_FILES)
    said = cardioscar("phantom", tmp_path / "other", "--family", "people", "--nodes", 2000)
    assert said.code == 2
    assert "phantom: nodes: expected an option of --family people (subjects, seed)" in said.err
    assert not (tmp_path / "other").exists()
