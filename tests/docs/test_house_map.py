"""The map in CONTRIBUTING.md is the house as it stands, and every room says at its door what is there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="an image holds no documentation")


def made() -> object:
    spec = importlib.util.spec_from_file_location("house_map", ROOT / "docs" / "house_map.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_map_is_that_of_the_code() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert made().house_map() in page, "run python docs/house_map.py"


def test_every_room_is_on_the_map_and_every_file_says_what_it_is() -> None:
    package, module = ROOT / "cardioscar", made()
    rooms = {part.stem for part in package.iterdir() if part.suffix == ".py" or (part / "__init__.py").is_file()}
    assert rooms - {"__init__"} == {room for floor in module.floors() for room in floor}
    silent = [path for path in package.rglob("*.py") if len(module.first_line(path)) < 15]
    assert silent == []


def test_what_contributing_names_is_there() -> None:
    import re

    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:stages|shard|cohort|scar3d|imaging|tests|docs)/[a-z0-9_/]+(?:\.py|\.bib)?)`", page)
    assert len(named) > 10
    missing = [name for name in named if not ((ROOT / name).exists() or (ROOT / "cardioscar" / name).exists())]
    assert missing == []
