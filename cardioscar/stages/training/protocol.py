"""The five-fold protocol of LVQuan over a folder of its layout: networks, and one table of all subjects."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cardioscar.config import as_mapping, from_mapping
from cardioscar.files.atomic import atomic_file
from cardioscar.files.folders import only_writer, platform_faults
from cardioscar.lvquant.training.config import TrainConfig
from cardioscar.services.store.places import local_folder
from cardioscar.stages.training.inputs import labelled_folder
from cardioscar.stages.training.recipe import joined
from cardioscar.types import OnStep

TABLE, AGREEMENT = "agreement.csv", "agreement.json"
COLUMNS = ("way", "index", "mae", "mae_sd", "pearson", "bias", "limit_low", "limit_high", "frames")


def protocol(
    folder: str | Path,
    output: str | Path,
    options: Mapping[str, Any] | None = None,
    *,
    folds: int = 5,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Train a network for each fold, and judge each subject by the one that never met it.

    Args:
        folder: Folder or `s3://` prefix with `.mat` files in the layout of LVQuan 2018.
        output: Folder of the networks `fold1`, `fold2`, …, `agreement.json` and `agreement.csv`.
        options: Settings of the trainings by name.
        folds: Number of folds.
        on_step: Told of progress.

    Returns:
        What `agreement.json` says.

    Raises:
        ConfigError: If a setting is unknown or impossible.
        InputError: If a file cannot be read, or there are fewer subjects than folds.
        PlatformError: If the output cannot be written.
    """
    # what is set after a training, and a network to start from, which may know a fold's subjects, have no place here
    config = from_mapping(TrainConfig, joined(as_mapping(TrainConfig()), options or {}), where="protocol")
    final, tell = local_folder(output, where="out"), on_step or (lambda *_: None)
    from cardioscar.lvquant.protocol import run_protocol

    with labelled_folder(folder) as labelled, platform_faults(final):
        assert labelled is not None
        final.mkdir(parents=True, exist_ok=True)
        with only_writer(final, "protocol"):
            found = run_protocol(
                labelled,
                final,
                config,
                folds=folds,
                on_step=lambda fold, done, of: tell(f"fold {fold} of {folds}", done, of),
            )
            said: dict[str, Any] = {
                "folds": [one.counts for one in found.splits],
                **{way: _plain(asdict(one)) for way, one in found.agreement.items()},
            }
            with atomic_file(final / AGREEMENT) as partial:
                partial.write_text(json.dumps(said, indent=1, allow_nan=False) + "\n", encoding="utf-8")
            with atomic_file(final / TABLE) as partial:
                partial.write_text(_table(said), encoding="utf-8")
    return said


def _table(said: Mapping[str, Any]) -> str:
    """A row for each way and index; empty where something is not known."""
    stream = io.StringIO()
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(COLUMNS)
    for way in ("regressed", "measured"):
        for name, one in said[way]["indices"].items():
            low, high = one["limits"]
            values = (one["mae"], one["mae_sd"], one["pearson"], one["bias"], low, high, one["frames"])
            rows.writerow([way, name, *("" if value is None else value for value in values)])
    return stream.getvalue()


def _plain(value: Any) -> Any:
    """Null for what is not finite."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
