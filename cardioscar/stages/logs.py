"""One line for each event, with the stage and the subject id; never patient data."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

_where: ContextVar[tuple[str, str]] = ContextVar("where", default=("-", "-"))

FORMAT = "%(asctime)s %(levelname)-7s %(stage)-10s %(subject)s: %(message)s"


@contextmanager
def about(stage: str, subject: str) -> Iterator[None]:
    """Give every log record made inside the stage and the subject, whichever module makes it."""
    token = _where.set((stage, subject))
    try:
        yield
    finally:
        _where.reset(token)


class _LogFile(logging.FileHandler):
    """A file whose trouble (a full disk) is said once, by the stage that meets it too, not at every line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Say nothing."""


class _Where(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.stage, record.subject = _where.get()
        return True


def configure(level: int = logging.INFO, log_file: str | None = None, *, stderr: bool = False) -> None:
    """Send cardioscar's log lines to a file, to standard error, or to both.

    Args:
        level: Lowest level that is written.
        log_file: File that lines are appended to; several processes may share it.
        stderr: Write to standard error too.
    """
    logger = logging.getLogger("cardioscar")
    handlers: list[logging.Handler] = [logging.StreamHandler()] if stderr else []
    if log_file:
        handlers.append(_LogFile(log_file, encoding="utf-8", delay=True))
    for handler in handlers:
        handler.setFormatter(logging.Formatter(FORMAT, datefmt="%H:%M:%S"))
        handler.addFilter(_Where())
    for earlier in logger.handlers:
        with suppress(OSError):  # what it could not write before, it cannot write now
            earlier.close()
    logger.handlers[:] = handlers or [logging.NullHandler()]
    logger.propagate = False
    logger.setLevel(level)
