"""Where the results of a run go. Recording in MLflow comes last and costs no result: faults are said at the end."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cardioscar.errors import DEBUG_VARIABLE, CardioscarError, PlatformError, UnreachableError
from cardioscar.logs import about

if TYPE_CHECKING:
    from cardioscar.services.tracking.client import TrackingTarget

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recording:
    """Where a run publishes and records its subjects, and under which names: what travels to every stage that does.

    Attributes:
        results: Folder or `s3://` prefix that receives `<subject>/` under stable names; empty publishes nothing.
        tracking: MLflow server or local store; empty takes `MLFLOW_TRACKING_URI`, and without that tracks nothing.
        experiment: Name of the cohort's experiment.
        run_id: The run that vouches for the published results; empty for none.
        track: Record in MLflow; a caller with several workers records by itself, in one process.
    """

    results: str = ""
    tracking: str = ""
    experiment: str = "cardioscar"
    run_id: str = ""
    track: bool = True

    @property
    def tracking_uri(self) -> str:
        """The server or store in which to record; empty for none."""
        return (self.tracking or os.environ.get("MLFLOW_TRACKING_URI", "")) if self.track else ""

    @property
    def target(self) -> TrackingTarget:
        """The experiment to record in.

        Raises:
            ConfigError: If it cannot be one; there must be a `tracking_uri`.
        """
        from cardioscar.services.tracking.client import TrackingTarget

        return TrackingTarget(self.tracking_uri, self.experiment)


UNPUBLISHED = Recording()
"""Publishes nothing, and records where the environment says."""


class NotRecordedError(UnreachableError):
    """The tracking server does not answer; results and report are published all the same."""


class StoreFailedError(PlatformError):
    """MLflow, or its store, failed; results and report are published all the same."""


AFTER_REPORT = (NotRecordedError, StoreFailedError)
"""Raised when all else is done."""


def attempt(step: Callable[[], object]) -> CardioscarError | None:
    """Record something; return why that failed, to be raised when all else is done, or None.

    Whatever MLflow and the libraries below it raise is met here: the results are out, and recording can be repeated.
    """
    try:
        step()
    except CardioscarError as error:
        cause = error
    except Exception as error:  # noqa: BLE001 - see above
        cause = PlatformError(f"MLflow: unforeseen {type(error).__name__} (--debug shows the traceback)")
        if os.environ.get(DEBUG_VARIABLE):
            traceback.print_exception(error)
    else:
        return None
    with about("track", "cohort"):
        log.error("not recorded: %s", cause)
    return cause


def not_recorded(error: CardioscarError) -> CardioscarError:
    """What to raise when all else is done: it tells a tracking server from an object store that does not answer."""
    text = f"not recorded in MLflow, all results are there; {error}"
    return NotRecordedError(text) if isinstance(error, UnreachableError) else StoreFailedError(text)
