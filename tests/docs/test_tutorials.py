"""Every command and every answer of the tutorials is run, in the order of the page, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="an image holds no documentation")

_COMMANDS = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
_DOCTEST = "import doctest, sys; sys.exit(doctest.testfile(sys.argv[1], module_relative=False).failed > 0)"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_tutorial_says_is_so(page: Path, tmp_path: Path) -> None:
    commands = "".join(_COMMANDS.findall(page.read_text(encoding="utf-8")))
    assert commands.count("cardioscar ") >= 2
    # the environment of the page is that of the test
    commands = commands.replace("source .venv/bin/activate\n", "")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    words = (["bash", "-euo", "pipefail", "-c", commands], [sys.executable, "-c", _DOCTEST, str(page)])
    for command in words:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
