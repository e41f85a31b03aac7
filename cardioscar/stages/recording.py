"""Recording in MLflow comes last and costs no result: what could not be recorded is said at the end."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable

from cardioscar.errors import DEBUG_VARIABLE, CardioscarError, PlatformError, UnreachableError
from cardioscar.logs import about

log = logging.getLogger(__name__)


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
