"""One line for each event, with the stage and the subject id, as text or as JSON; never patient data."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from cardioscar.errors import ConfigError
from cardioscar.identity.printable_text import printable
from cardioscar.identity.spoken_names import without_user_names

_where: ContextVar[tuple[str, str]] = ContextVar("where", default=("-", "-"))

FORMAT = "%(asctime)s %(levelname)-7s %(stage)-10s %(subject)s: %(message)s"

FORMAT_VARIABLE = "CARDIOSCAR_LOG_FORMAT"
"""Environment variable: `text` (default) or `json`."""

RUN_ID_VARIABLE = "CARDIOSCAR_RUN_ID"
"""Environment variable with the platform's name of the run, which JSON lines repeat."""

EVENT_FIELDS = ("outcome", "seconds", "peak_memory_mib", "kind")
"""Facts that a log call may give by `extra=`; JSON lines carry those that it gave."""

_TRUSTED = frozenset({"mlflow", "alembic", "boto3", "botocore", "s3transfer", "urllib3", "kfp", "torch", "concurrent"})
"""Libraries that read no file of a subject: their messages are about servers and machines."""

_WARNING = re.compile(r"(?:[^\n:]*/)?([\w.-]+):(\d+): (\w+): ")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", re.ASCII)


@contextmanager
def about(stage: str, subject: str) -> Iterator[None]:
    """Give every log record made inside the stage and the subject, whichever module makes it."""
    token = _where.set((stage, subject))
    try:
        yield
    finally:
        _where.reset(token)


def place() -> tuple[str, str]:
    """Stage and subject whose work this is, as `about` gave them; `-` where it is nobody's."""
    return _where.get()


class _LogFile(logging.FileHandler):
    """A file whose trouble (a full disk) is said once, by the stage that meets it too, not at every line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Say nothing."""


class _Where(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.stage, record.subject = (printable(name) for name in _where.get())
        record.msg, record.args = printable(without_user_names(record.getMessage())), None
        return True


class _Foreign(logging.Handler):
    """Standard error for what libraries log, and for Python's warnings, which nobody else writes.

    Only those of `_TRUSTED` are shown in their own words: readers quote what stands in a file.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as one line."""
        try:
            self._emit(record)
        except Exception:  # noqa: BLE001 - as for every handler: a line less, and the work goes on
            self.handleError(record)

    def _emit(self, record: logging.LogRecord) -> None:
        library = record.name.split(".")[0]
        copy = logging.makeLogRecord(record.__dict__)
        copy.exc_info = copy.exc_text = copy.stack_info = None
        if record.name == "py.warnings":
            found = _WARNING.match(record.getMessage())
            text = f"{found[3]} at {found[1]}:{found[2]}" if found else "a warning"
        elif library in _TRUSTED:
            text = record.getMessage()
        else:
            text = f"{printable(library)} says something at {record.filename}:{record.lineno}"
        copy.msg, copy.args = text, None
        _Where().filter(copy)
        sys.stderr.write(f"{(self.formatter or _OneLine(FORMAT)).format(copy)}\n")


class _OneLine(logging.Formatter):
    """The text form: one line, and those of a traceback where one is asked for."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """The line, whichever filter a record has passed."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """The lines of a traceback, marked so that none can be taken for another record's."""
        return "\n".join(f"  | {printable(line)}" for line in super().formatException(ei).splitlines())


class JsonLines(logging.Formatter):
    """One JSON object a line: `time` (UTC, ISO 8601), `level`, `stage`, `subject`, `message`, `run_id` where one is
    set, and those of `EVENT_FIELDS` that the event has."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line."""
        stage, subject = (getattr(record, name, "-") for name in ("stage", "subject"))
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "stage": None if stage == "-" else stage,
            "subject": None if subject == "-" else subject,
            "message": printable(record.getMessage()),
        }
        run_id = os.environ.get(RUN_ID_VARIABLE, "")
        if _RUN_ID.fullmatch(run_id):
            line["run_id"] = run_id
        line |= {name: getattr(record, name) for name in EVENT_FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(
    level: int = logging.INFO, log_file: str | None = None, *, stderr: bool = False, log_format: str = ""
) -> None:
    """Send cardioscar's log lines to a file, to standard error, or to both.

    Args:
        level: Lowest level that is written.
        log_file: File that lines are appended to; several processes may share it.
        stderr: Write to standard error too.
        log_format: `text` or `json`; by default what `CARDIOSCAR_LOG_FORMAT` says, else text.

    Raises:
        ConfigError: If the format is another.
    """
    formatter = _formatter(log_format or os.environ.get(FORMAT_VARIABLE, "") or "text")
    logger = logging.getLogger("cardioscar")
    handlers: list[logging.Handler] = [logging.StreamHandler()] if stderr else []
    if log_file:
        handlers.append(_LogFile(log_file, encoding="utf-8", delay=True))
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(_Where())
    for earlier in logger.handlers:
        with suppress(OSError):  # what it could not write before, it cannot write now
            earlier.close()
    logger.handlers[:] = handlers or [logging.NullHandler()]
    logger.propagate = False
    logger.setLevel(level)
    _hear_libraries(formatter)


def _hear_libraries(formatter: logging.Formatter) -> None:
    """Take the place of Python's last resort, which writes what others log, and their warnings, as they are."""
    hear_alone()
    root, foreign = logging.getLogger(), _Foreign(logging.WARNING)
    foreign.setFormatter(formatter)
    root.handlers[:] = [*(one for one in root.handlers if not isinstance(one, _Foreign)), foreign]
    logging.captureWarnings(True)


def hear_alone() -> None:
    """Take away the handlers that libraries gave their own loggers: these write what they are told as it is.

    A library that is imported later may bring its own; who imports one that does calls this again.
    """
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger) and logger.handlers and not logger.name.startswith("cardioscar"):
            logger.handlers.clear()
            logger.propagate = True


def _formatter(name: str) -> logging.Formatter:
    if name == "json":
        return JsonLines()
    if name != "text":
        raise ConfigError(FORMAT_VARIABLE, "text or json", repr(name[:20]))
    return _OneLine(FORMAT, datefmt="%H:%M:%S")
