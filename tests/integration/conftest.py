"""Real servers for the tests of this folder, started when first needed, and a table of what was counted."""

from __future__ import annotations

import pytest

from tests.integration.ceph import ceph, endpoint, s3
from tests.integration.cohort import hearts
from tests.integration.counts import KEY, Counts, counts
from tests.integration.engine import engine
from tests.integration.finished import finished
from tests.integration.images import ceph_image, mlflow_image, stage_image
from tests.integration.mlflow_server import mlflow_server
from tests.integration.postgres import postgres

__all__ = [
    "ceph", "ceph_image", "counts", "endpoint", "engine", "finished", "hearts", "mlflow_image", "mlflow_server",
    "postgres", "s3", "stage_image",
]  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.stash[KEY] = Counts()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave servers alone unless they are asked for: several workers would each start their own."""
    if "integration" in config.option.markexpr:
        return
    skip = pytest.mark.skip(reason="starts servers in containers: make integration")
    for item in items:
        if item.get_closest_marker("integration"):
            item.add_marker(skip)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash[KEY]
    if found.tables:
        found.save()
        terminalreporter.section("counts (build/integration/counts.md)")
        terminalreporter.write_line(found.markdown())
