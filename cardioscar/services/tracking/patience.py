"""Repeating calls to an MLflow server that is silent or busy, without leaving anything twice.

Most calls say what shall be and may be repeated as they are. Those that create something may not: a creation whose
answer got lost may have happened. They go through `PatientClient.once`, which looks again before it repeats, and marks
the client as `doubtful`, for a creation that the server still works on cannot be seen yet.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from cardioscar.services.tracking.failures import passing

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")

PATIENCE_S = {"silent": 18.0, "busy": 60.0}
"""Time that one client loses at most before it gives up, in seconds: without any answer, and with answers that say
that the server is busy (HTTP 408, 429, 500, 502, 503, 504, or its database's connections are all taken)."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0

_AS_THEY_ARE = frozenset(
    {
        # questions
        "get_experiment", "get_experiment_by_name", "get_run", "get_metric_history", "get_logged_model",
        "get_model_version", "get_model_version_by_alias",
        "search_experiments", "search_runs", "search_logged_models", "search_model_versions",
        "search_registered_models", "list_artifacts", "list_logged_model_artifacts", "download_artifacts",
        # files are replaced by the same files; a metric with its time, a tag and a status are set to the same value
        "log_artifacts", "log_model_artifacts", "log_batch", "set_tag", "set_logged_model_tags",
        "set_experiment_tag", "set_registered_model_tag", "set_registered_model_alias",
        "set_model_version_tag", "set_terminated", "finalize_logged_model", "update_run", "restore_run", "delete_run",
        # names are unique, and callers take "exists already" for success
        "create_experiment", "create_registered_model",
    }
)  # fmt: skip
_GONE_IS_DONE = frozenset(
    {"delete_tag", "delete_logged_model_tag", "delete_model_version_tag", "delete_logged_model", "delete_model_version"}
)


class PatientClient:
    """An `MlflowClient` that repeats the calls that may be repeated; all others pass through.

    Attributes:
        doubtful: A creation was tried more than once, so that a double of it may turn up.

    Args:
        client: MLflow's client, which must not repeat anything itself.
        pause: Waits for a number of seconds.
    """

    def __init__(self, client: MlflowClient, pause: Callable[[float], None] = time.sleep) -> None:
        self.doubtful = False
        self._client = client
        self._pause = pause
        self._failures = 0
        self._lost_s = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name in _AS_THEY_ARE:
            return lambda *arguments, **options: self.repeat(lambda: found(*arguments, **options))
        if name in _GONE_IS_DONE:
            return lambda *arguments, **options: self._delete(lambda: found(*arguments, **options))
        return found

    def repeat(self, call: Callable[[], T]) -> T:
        """Call until it succeeds, or fails for good; `call` may be repeated as it is."""
        while True:
            started = time.monotonic()
            try:
                return call()
            except Exception as error:  # MLflow raises its own, those of requests and those of the system
                if not self._waited(error, started):
                    raise

    def once(self, find: Callable[[], T | None], create: Callable[[], T], *, look_first: bool = True) -> T:
        """Return what is found, or create it; after a creation without an answer, look again before the next."""
        while True:
            found = find() if look_first else None
            if found is not None:
                return found
            started, look_first = time.monotonic(), True
            try:
                return create()
            except Exception as error:
                if not self._waited(error, started):
                    raise
                self.doubtful = True

    def _delete(self, call: Callable[[], None]) -> None:
        from mlflow.exceptions import MlflowException

        failures = self._failures
        try:
            self.repeat(call)
        except MlflowException as error:
            if self._failures == failures or error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise

    def _waited(self, error: Exception, started: float) -> bool:
        """Wait where the failure may pass and there is patience left; False where it is to be raised."""
        kind = passing(error)
        if kind is None:
            return False
        longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**self._failures)
        pause_s = random.uniform(longest / 2, longest)  # noqa: S311 - so that clients do not come back all at once
        self._failures += 1
        self._lost_s += time.monotonic() - started + pause_s
        if self._lost_s > PATIENCE_S[kind]:
            return False
        self._pause(pause_s)
        return True
