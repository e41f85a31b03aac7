from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import PATIENCE_MS


@dataclass
class Opened:
    """A page that is open, and what it did besides showing itself."""

    page: Any
    errors: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def number(self, name: str) -> float:
        """The first number of an output of the view in 3D."""
        return float(self.page.locator(f"[data-out={name}]").inner_text().split()[0].replace(",", ""))

    def picture(self) -> Any:
        """Pixels of the canvas, shape (rows, columns, 4)."""
        import base64
        from io import BytesIO

        import numpy as np
        from PIL import Image

        # what was asked for is drawn with the next frame
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        data = self.page.evaluate("document.querySelector('canvas').toDataURL('image/png')")
        return np.asarray(Image.open(BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGBA")).astype(float)


@pytest.fixture
def look(browser: Any) -> Iterator[Any]:
    contexts = []

    def opened(path: Path, width: int = 1400, **context: Any) -> Opened:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **context))
        contexts[-1].set_default_timeout(PATIENCE_MS)
        contexts[-1].set_default_navigation_timeout(PATIENCE_MS)
        seen = Opened(contexts[-1].new_page())
        seen.page.on(
            "console", lambda said: seen.errors.append(said.text) if said.type in ("error", "warning") else None
        )
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        seen.page.goto(path.as_uri())
        return seen

    yield opened
    for context in contexts:
        context.close()
