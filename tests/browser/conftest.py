from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SOFTWARE_WEBGL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]

PATIENCE_MS = 240_000
"""How long a page is waited for: machines that test are busy, and WebGL is drawn by their processors."""


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


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # a browser of root's has none
    with sync_api.sync_playwright() as tool:
        yield tool.chromium.launch(executable_path=chromium, args=[*SOFTWARE_WEBGL, *sandbox], timeout=PATIENCE_MS)


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
