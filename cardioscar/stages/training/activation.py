"""Training of the networks of late activation, whose intervals are fitted with them; some of their slices drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cardioscar.activation.network.stored import of_bundle
from cardioscar.activation.network.train_config import TrainConfig
from cardioscar.activation.train import TOS, read_labelled, train_activation
from cardioscar.cohort.store import temporary_folder
from cardioscar.errors import ConfigError, DivergedError, InputError
from cardioscar.identity.spoken_names import labelled_part
from cardioscar.report.outlines import Onsets, onsets_png
from cardioscar.stages.training.learned import Asked, Learned
from cardioscar.stages.training.settings import ActivationSettings, science_of

_SHOWN = 8


def learn(settings: ActivationSettings, asked: Asked) -> Learned:
    """Train networks, set the width of their intervals, and draw what they say.

    Args:
        settings: Settings.
        asked: Places, and who is told.

    Raises:
        ConfigError: If a setting does not fit.
        InputError: If files cannot be read, or a training does not stay finite.
    """
    with _said_by_number(asked.labelled):
        trained = train_activation(
            asked.bundle,
            science_of(settings, TrainConfig),
            labelled=asked.labelled,
            checkpoint=asked.checkpoint,
            on_step=asked.on_step,
        )
    method = of_bundle(trained.bundle)
    shown = []
    for one in trained.judged[:: max(1, len(trained.judged) // _SHOWN)][:_SHOWN]:
        found = method.predict(one)
        assert one.tos_ms is not None
        shown.append(Onsets(one.circumferential, one.frame_ms, one.tos_ms, found.tos_ms, found.low_ms, found.high_ms))
    worst = max(trained.results, key=lambda one: one.stop_reason == "patience")
    return Learned(
        trained.bundle,
        trained.curves,
        worst.stop_reason,
        int(np.median([one.best_step for one in trained.results])),
        sum(one.seconds for one in trained.results),
        worst.device,
        trained.split,
        pictures={"Validation: strain, true onset (line), found (dashes) with its interval": onsets_png(shown)},
    )


@contextmanager
def _said_by_number(labelled: Path | None) -> Iterator[None]:
    """A fault of labelled strain is said by the number of its subject, in the order of their names, which it hides."""
    try:
        yield
    except (ConfigError, DivergedError):
        raise
    except InputError:
        # only where something is wrong are files read twice; where all can be read, the fault is another's
        subjects = sorted(one for one in labelled.iterdir() if not one.name.startswith(".")) if labelled else []
        for number, path in enumerate(subjects, start=1):
            _read_alone(path, f"labelled subject {number}")
        raise


def _read_alone(path: Path, spoken: str) -> None:
    with temporary_folder() as folder:
        (folder / path.name).symlink_to(path.resolve(), target_is_directory=path.is_dir())
        with labelled_part(spoken, f"strain and {TOS}" if (path / TOS).is_file() else "strain", path):
            read_labelled(folder)
