"""The browser of all tests of a process: playwright allows one event loop in it, so one is started for all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

SOFTWARE_WEBGL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]

PATIENCE_MS = 240_000
"""How long a page is waited for: machines that test are busy, and WebGL is drawn by their processors."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # a browser of root's has none
    with sync_api.sync_playwright() as tool:
        yield tool.chromium.launch(executable_path=chromium, args=[*SOFTWARE_WEBGL, *sandbox], timeout=PATIENCE_MS)
