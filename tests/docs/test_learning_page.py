"""What the page on learning shows runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "learning.md"


def test_the_six_steps_run(tmp_path: Path) -> None:
    import torch

    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"folder": tmp_path}
    exec(compile(code, str(PAGE), "exec"), names)
    trained, again = names["trained"], names["again"]
    assert trained.stop_reason in ("completed", "patience")
    assert trained.curves.of("loss")[-1][1] < trained.curves.losses[0]
    assert torch.equal(again.weight, trained.network.weight)
