"""A stage that does what a test hands to the shard loop."""

from __future__ import annotations

from cardioscar.shard.stage import COHORT, Stage


def toy(name: str) -> Stage:
    """A stage of a name, with no module behind it."""
    return Stage(name, "", "Do.", "does", (COHORT,), name)
