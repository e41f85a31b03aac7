"""The door to MLflow: a client that keeps quiet, gives up in time and says plainly what is wrong.

Left alone, the MLflow client repeats a call to a dead server for more than four minutes, obeys a
`Retry-After` of any length, reports usage to its makers and prints to the terminal. The settings below change
that for this process; a setting that the user made in the environment stays as it is. What is repeated, and for
how long, is said in `mlflow_patience`.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from cardioscar.errors import CardioscarError, InputError, PlatformError, UnreachableError
from cardioscar.logs import hear_alone
from cardioscar.services.first_contact import first_patience_s
from cardioscar.services.tracking.failures import reason
from cardioscar.services.tracking.local import make_whole, options_of, quiet_store, sqlite_path, sqlite_uri
from cardioscar.services.tracking.patience import PatientClient

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow repeats whatever failed, creations too, of which a double would remain: `PatientClient` repeats instead.
_LIMITS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "6",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
}
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
_PROBE_DEADLINE_S = 6.0
_PROBE_PAUSES_S = (0.0, 0.5, 1.0)
_PROBE_PAUSE_S = 2.0
_EXPERIMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,127}", re.ASCII)


@dataclass(frozen=True)
class TrackingTarget:
    """Where runs and models are recorded.

    Raises:
        InputError: If the URI is neither a server's (`http`, `https`) nor a local store's (`sqlite:///`), or
            if the experiment's name is more than letters, digits, spaces, `_`, `.` and `-`.

    >>> TrackingTarget("https://ann:secret@mlflow.example.org:5000/", "trial").label
    'https://mlflow.example.org:5000'
    """

    uri: str = field(repr=False)
    """Tracking URI, as MLflow understands it. It may hold credentials: show `label` instead."""

    experiment: str | None = None
    """Name of the experiment: the cohort's. None means the record's cohort, or every cohort in a search."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.uri)
        server = parts.scheme in ("http", "https") and bool(parts.hostname)
        if not server and self.database is None:
            raise InputError(
                "tracking URI", "http://host:port, https://host or sqlite:///folder/mlflow.db", "another form"
            )
        if self.experiment is not None:
            check_experiment(self.experiment)

    @classmethod
    def local(cls, folder: Path, experiment: str | None = None) -> TrackingTarget:
        """Return the store in one folder: `mlflow.db`, with the artifacts beside it in `mlartifacts`."""
        return cls(sqlite_uri(folder.resolve() / "mlflow.db"), experiment)

    @property
    def database(self) -> Path | None:
        """File of a local store; None for a server."""
        return sqlite_path(self.uri)

    @property
    def address(self) -> str:
        """URI for MLflow, in which any name of a folder is safe."""
        return self.uri if self.database is None else sqlite_uri(self.database) + options_of(self.uri)

    @property
    def label(self) -> str:
        """Name for messages: no credentials, no query, no folders."""
        if self.database is not None:
            return self.database.name
        parts = urlsplit(self.uri)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def check_experiment(name: str) -> str:
    """Return the name of an experiment (a cohort) unchanged, or refuse it.

    Raises:
        InputError: If it is more than 128 letters, digits, spaces, `_`, `.` and `-`.
    """
    if not _EXPERIMENT.fullmatch(name):
        rule = "1 to 128 letters, digits, spaces, '_', '.' or '-', a letter or digit first"
        raise InputError("cohort name", rule, "another form")
    return name


def connect(target: TrackingTarget, *, create: bool = True) -> PatientClient:
    """Open a client, after a short check that somebody answers.

    Args:
        target: Server or local store.
        create: Make a local store that does not exist yet.

    Returns:
        The client, which repeats what may be repeated. Use it inside `answering`.

    Raises:
        PlatformError: If MLflow is not installed, or the local store cannot be opened or written.
        UnreachableError: If the server does not answer within 6 s, in a pod of a run within 60 s.
        InputError: If there is no local store and `create` is False.
    """
    for name, value in (_LIMITS | _QUIET).items():
        os.environ.setdefault(name, value)
    client_class = _client_class(local=target.database is not None)
    if target.database is None:
        _reach(target)
        return PatientClient(client_class(tracking_uri=target.address, registry_uri=target.address))
    if not create and not target.database.exists():
        raise InputError(target.label, "an MLflow store", "no such file")
    return PatientClient(_open_local(client_class, target, target.database))


@contextmanager
def answering(target: TrackingTarget) -> Iterator[None]:
    """Turn whatever MLflow raises into one of our errors, with no credentials in the message.

    Raises:
        UnreachableError: For a server that does not answer, or refuses.
        PlatformError: For a local store or disk that fails, and for a fault of MLflow's own.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except CardioscarError:
        raise
    except (MlflowException, OSError) as error:
        # `from None`: the chained messages repeat the URL, and with it the password.
        if isinstance(error, OSError) and error.errno is not None:  # the disk; HTTP errors have no number
            raise PlatformError(f"recording in {target.label}: {error.strerror}") from None
        if target.database is not None:
            raise PlatformError(f"MLflow store {target.label}: {reason(error, _private(target))}") from None
        raise UnreachableError(f"MLflow server {target.label}: {reason(error, _private(target))}") from None
    except Exception as error:
        if not _is_mlflows(error):
            raise
        what = "store" if target.database is not None else "server"
        raise PlatformError(f"MLflow {what} {target.label}: unforeseen {type(error).__name__} in MLflow") from error


def _is_mlflows(error: Exception) -> bool:
    """Whether an exception came through MLflow's code, rather than from ours alone."""
    files = (Path(frame.filename).parts for frame in traceback.extract_tb(error.__traceback__))
    return any({"mlflow", "sqlalchemy", "alembic"} & {*parts} for parts in files)


def _client_class(*, local: bool) -> type[MlflowClient]:
    extra = "laptop" if local else "tracking"
    missing = PlatformError(f"MLflow is not installed: pip install 'cardioscar[{extra}]'")
    try:
        _have_home()
        from mlflow import MlflowClient
    except ImportError:
        raise missing from None
    except Exception as error:
        raise PlatformError(f"MLflow cannot be loaded: {type(error).__name__}") from error
    # mlflow-skinny imports, but has no database layer.
    if local and not all(importlib.util.find_spec(name) for name in ("sqlalchemy", "alembic")):
        raise missing
    for name, level in (
        ("mlflow", logging.WARNING),
        ("mlflow.store.db.utils", logging.CRITICAL),
        ("alembic", 30),
    ):
        logging.getLogger(name).setLevel(level)
    hear_alone()
    return MlflowClient


def _have_home() -> None:
    """Give a user without HOME and without an entry in /etc/passwd (in a container) a home that is not there.

    MLflow asks for its name when it is imported, and looks there for credentials later.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/nonexistent"


def _open_local(client_class: type[MlflowClient], target: TrackingTarget, database: Path) -> MlflowClient:
    from filelock import FileLock

    try:
        database.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlatformError(f"MLflow store {target.label}: {error.strerror}") from None
    # Two processes that create the tables at the same time break each other's migration.
    artifacts = database.parent / "mlartifacts"
    with answering(target), FileLock(f"{database}.lock", timeout=60), quiet_store(artifacts):
        make_whole(database, artifacts)
        client = client_class(tracking_uri=target.address, registry_uri=target.address)
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
    return client


def _reach(target: TrackingTarget) -> None:
    """Find out whether anybody answers, and wait for that where it is worth it."""
    end = time.monotonic() + first_patience_s(_PROBE_DEADLINE_S) - _PROBE_DEADLINE_S
    while True:
        try:
            return _within_deadline(target, lambda: _probe(target))
        except UnreachableError:
            if time.monotonic() >= end:
                raise
        time.sleep(min(_PROBE_PAUSE_S, max(0.0, end - time.monotonic())))


def _within_deadline(target: TrackingTarget, probe: Any) -> None:
    """Run a probe in a thread: name look-up and a server that sends single bytes know no timeout."""
    outcome: list[CardioscarError | None] = []

    def ask() -> None:
        try:
            with answering(target):
                probe()
            outcome.append(None)
        except CardioscarError as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, name="mlflow-probe", daemon=True)
    thread.start()
    thread.join(_PROBE_DEADLINE_S)
    if not outcome:
        raise UnreachableError(f"MLflow server {target.label}: no answer within {_PROBE_DEADLINE_S:.0f} s")
    if outcome[0] is not None:
        raise outcome[0]


def _probe(target: TrackingTarget) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.tracking._tracking_service.utils import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    credentials = get_default_host_creds(target.uri)
    for pause_s in _PROBE_PAUSES_S:
        time.sleep(pause_s)
        last = pause_s == _PROBE_PAUSES_S[-1]
        try:
            answer = http_request(credentials, "/health", "GET", max_retries=0, timeout=4, raise_on_status=False)
        except MlflowException:
            if last:
                raise
            continue
        # A gateway may not know /health; only the codes of a broken server count here.
        if answer.status_code < 500:
            return
        if last:
            raise UnreachableError(f"MLflow server {target.label}: it answers HTTP {answer.status_code}")


def _private(target: TrackingTarget) -> set[str]:
    """What no message may repeat: credentials, the query of the address, the folder of a local store."""
    parts = urlsplit(target.uri)
    password = parts.password or ""
    private = {parts.netloc.rpartition("@")[0], password, unquote(password), parts.query}
    if target.database is not None:
        encoded = target.address.partition(":///")[2].rpartition("/")[0]
        private |= {target.database.parent.as_posix(), target.database.parent.as_uri(), encoded}
    return private - {"", "/"}
