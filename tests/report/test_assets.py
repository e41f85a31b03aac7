"""The script that pages carry is the one that was recorded, with its licence."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cardioscar.report

ASSETS = Path(cardioscar.report.__file__).parent / "assets"


def test_the_script_is_the_recorded_one() -> None:
    record = json.loads((ASSETS / "three.json").read_text(encoding="utf-8"))
    script = (ASSETS / "three.min.js").read_bytes()
    assert hashlib.sha256(script).hexdigest() == record["sha256"]
    assert b"SPDX-License-Identifier: MIT" in script
    assert b"</script" not in script
    assert "MIT License" in (ASSETS / "three.LICENSE.txt").read_text(encoding="utf-8")
