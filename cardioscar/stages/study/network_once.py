"""A shard of which some patients need a network: it is brought once, used as it was recorded, and theirs alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from cardioscar.shard.status import Status
from cardioscar.stages.networks import held, resolve_network

Settings = TypeVar("Settings")

NONE = "none"
"""What is recorded of the network of patients who need none."""


def with_network(
    subjects: Sequence[str],
    needs: Callable[[str], bool],
    settings: Settings,
    family: str,
    run: Callable[[Sequence[str], Settings], list[Status]],
) -> list[Status]:
    """Run a shard in two parts, so that nobody's settings depend on who else is in it.

    Args:
        subjects: Ids.
        needs: Whether a patient needs the network.
        settings: Settings of its application, with its address as `network`.
        family: Whose network it is.
        run: Runs a part with settings that name the network by what it holds, or as `none` where nobody of the part
            needs one.

    Returns:
        One row for each subject, in order.

    Raises:
        InputError: If there is no such network, and a patient who needs it; the others are done by then.
    """
    waiting = [subject for subject in subjects if needs(subject)]
    others = [subject for subject in subjects if subject not in waiting]
    rows = run(others, replace(settings, network=NONE)) if others or not waiting else []  # type: ignore[type-var]
    if waiting:
        named, bundle = resolve_network(settings, family)
        with held(bundle):
            rows += run(waiting, named)
    by_subject = {row.subject: row for row in rows}
    return [by_subject[subject] for subject in subjects]
