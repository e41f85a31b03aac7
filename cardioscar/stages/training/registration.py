"""Trainings in MLflow: their run, and a registered version where one is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cardioscar.errors import InputError
from cardioscar.learning.curves import Curves
from cardioscar.stages.training_output import CURVES, DESCRIPTION, FACTS, FILES, OVERLAYS, PAGE, SETTINGS, WEIGHTS

if TYPE_CHECKING:
    from cardioscar.learning.bundle import Bundle

_BESIDE = {CURVES: CURVES, PAGE: PAGE, SETTINGS: SETTINGS, FACTS: FACTS, f"overlays/{OVERLAYS}": OVERLAYS}
assert {*_BESIDE.values(), DESCRIPTION, WEIGHTS} == set(FILES)


@dataclass(frozen=True)
class Registration:
    """Where a training is recorded, and what it is registered as.

    Attributes:
        tracking: MLflow server or local store; empty takes `MLFLOW_TRACKING_URI`, `off` records nothing.
        name: Registered model of which the network becomes a version; empty registers nothing.
        aliases: Names that point to the version from then on, such as `champion`.
    """

    tracking: str = ""
    name: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def tracking_uri(self) -> str:
        """The server or store; empty for none."""
        return "" if self.tracking == "off" else self.tracking or os.environ.get("MLFLOW_TRACKING_URI", "")

    def check(self) -> None:
        """Find out whether it can be done, before hours of work.

        Raises:
            InputError: If the name or an alias is none, or there is nowhere to register.
            UnreachableError: If the server does not answer.
            PlatformError: If MLflow is not installed.
        """
        if self.name:
            from cardioscar.services.tracking.trained_models import check_aliases, check_model_name
            from cardioscar.stages.families import MODEL_NAMES

            check_model_name(self.name, MODEL_NAMES)
            check_aliases(self.aliases)
            if not self.tracking_uri:
                raise InputError("tracking URI", "--tracking-uri or MLFLOW_TRACKING_URI, to register", "neither")
        elif self.aliases:
            raise InputError("alias", "the name of a registered model (--register) beside it", "none")
        if self.tracking_uri:
            from cardioscar.services.tracking.client import TrackingTarget
            from cardioscar.services.tracking.recording import ask_server
            from cardioscar.services.tracking.trained_models import NETWORKS

            ask_server(TrackingTarget(self.tracking_uri, NETWORKS), None)

    def record(self, folder: Path, bundle: Bundle, facts: Mapping[str, Any]) -> str:
        """Record a training, and register its network.

        Args:
            folder: Output of the training.
            bundle: Its network.
            facts: What `training.json` says.

        Returns:
            `models:/name/version` of a network that was registered; else empty.

        Raises:
            UnreachableError: If the server does not answer.
            PlatformError: If MLflow fails.
        """
        from cardioscar.services.tracking.client import TrackingTarget
        from cardioscar.services.tracking.trained_models import (
            NETWORKS,
            TrainedModel,
            record_trained_model,
            record_training,
        )

        model = TrainedModel(
            files={name: folder / name for name in (WEIGHTS, DESCRIPTION)},
            key=bundle.sha256,
            settings=facts["settings"] | {f"split.{part}": count for part, count in facts["split"].items()},
            metrics=bundle.facts.eval_metrics,
            curves=Curves.from_json((folder / CURVES).read_text(encoding="utf-8")),
            artifacts={name: folder / own for name, own in _BESIDE.items()},
            aliases=self.aliases,
            experiment=NETWORKS,
            kind="network",
        )
        target = TrackingTarget(self.tracking_uri)
        if not self.name:
            record_training(target, bundle.facts.name, model)
            return ""
        return f"models:/{self.name}/{record_trained_model(target, self.name, model)}"


UNREGISTERED = Registration()
"""Records where the environment says, and registers nothing."""
