from __future__ import annotations

from pathlib import Path

import pytest

from tests.lge.tiny_network import tiny_bundle


@pytest.fixture(scope="session")
def tiny_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny network that finds the hearts of `stand_in.stack`."""
    folder = tmp_path_factory.mktemp("network") / "tiny"
    tiny_bundle(folder)
    return folder
