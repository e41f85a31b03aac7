"""Every file of the package that is no module goes into the wheel."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_files_beside_the_modules_are_package_data() -> None:
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("an image holds no pyproject.toml")
    package = ROOT / "cardioscar"
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
        "package-data"
    ]["cardioscar"]
    others = [
        path.relative_to(package)
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts
    ]
    assert others

    def told(path: Path) -> bool:
        # as setuptools has it, a star does not reach into a folder
        return any(
            len(path.parts) == len(Path(pattern).parts)
            and all(fnmatch(part, like) for part, like in zip(path.parts, Path(pattern).parts, strict=True))
            for pattern in patterns
        )

    assert [str(path) for path in others if not told(path)] == []
