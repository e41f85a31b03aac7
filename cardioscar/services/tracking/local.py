"""MLflow's store in a folder: one SQLite file, made or brought up to date out of sight, so that it is whole or absent.

MLflow makes its tables in dozens of migrations, which take seconds and change the file in place. Interrupted, they
leave a file that no later run can open. Here they work on a hidden copy, which takes the place of the store when it is
whole.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote

from cardioscar.errors import PlatformError, counted

SCHEMES = ("sqlite:///", "sqlite+pysqlite:///")

_ARTIFACT_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"
_UNFINISHED = "_alembic_tmp_"
_RECORDS = {"runs": 0, "registered_models": 0, "experiments": 1}
"""Rows that each table of a store has in which nothing was recorded yet; there is a default experiment."""


def sqlite_uri(database: Path) -> str:
    """Address of a store's file, as SQLAlchemy reads it: there a `?` begins options, and `%41` is an `A`.

    With the driver named, MLflow leaves a path with such characters alone; else it makes a folder of the encoded name.

    >>> sqlite_uri(Path("/data/a b/mlflow.db")), sqlite_uri(Path("/data/50%20x/why?.db"))
    ('sqlite:////data/a b/mlflow.db', 'sqlite+pysqlite:////data/50%2520x/why%3F.db')
    """
    path = os.path.abspath(database)  # noqa: PTH100 - links stay as the user named them
    safe = path.replace("%", "%25").replace("?", "%3F")
    return (SCHEMES[0] if safe == path else SCHEMES[1]) + safe


def sqlite_path(uri: str) -> Path | None:
    """File that the address of a store names; None where it is no such address.

    A file, or else a folder, of the very name counts before what the address means: `sqlite:///$PWD/mlflow.db` is often
    written by hand.

    >>> sqlite_path("sqlite:////data/50%2520x/mlflow.db"), sqlite_path("sqlite:////data/mlflow.db?timeout=9")
    (PosixPath('/data/50%20x/mlflow.db'), PosixPath('/data/mlflow.db'))
    """
    scheme = next((scheme for scheme in SCHEMES if uri.startswith(scheme)), None)
    if scheme is None:
        return None
    text = uri.removeprefix(scheme).removesuffix(options_of(uri))
    literal, meant = Path(text).absolute(), Path(unquote(text)).absolute()
    with suppress(OSError, ValueError):
        if literal.is_file() or (literal.parent.is_dir() and not meant.parent.is_dir()):
            return literal
    return meant


def options_of(uri: str) -> str:
    """What the address of a store holds beside the file, its `?` included.

    >>> options_of("sqlite:////data/mlflow.db?timeout=9"), options_of("sqlite:////data/why?/mlflow.db")
    ('?timeout=9', '')
    """
    found = re.search(r"\?[\w.]+=[^/]*$", uri)
    return found[0] if found else ""


def make_whole(database: Path, artifacts: Path) -> None:
    """Make a store that is not there; mend one whose making was interrupted, and bring an older one up to date.

    One in which nothing was recorded is made anew, others are copied first. A process that is killed meanwhile leaves
    the store as it was. Hold the store's lock, and call it in `quiet_store`.

    Args:
        database: Its file.
        artifacts: Folder of the artifacts of its default experiment.

    Raises:
        PlatformError: If the file is no database or somebody else's, or cannot be read or written.
    """
    partial = database.with_name(f".{database.name}.partial")
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        if database.exists():
            if _is_whole(database):
                return
            _check_own(database)
        _remove(partial)
        if database.exists() and _has_records(database):
            _copy(database, partial)
        else:
            partial.touch()
            if database.exists():
                shutil.copymode(database, partial)
        _migrate(partial, artifacts)
        _drop_leftovers(partial)
        # what SQLite keeps beside a file that was left in the middle of a change belongs to that file alone
        for name in ("-journal", "-wal", "-shm"):
            database.with_name(database.name + name).unlink(missing_ok=True)
        partial.replace(database)
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PlatformError(f"MLflow store {database.name}: {reason}") from None
    finally:
        with suppress(OSError):
            _remove(partial)


def _is_whole(database: Path) -> bool:
    """Whether a file has all of MLflow's tables, and none that a migration left half done.

    MLflow needs 100 s to give up on a file that is no database: sqlite is asked first.
    """
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 - both declare their tables
    from mlflow.store.db.base_sql_model import Base

    with closing(sqlite3.connect(database, timeout=20)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        found = _tables(connection)
        connection.rollback()
    unfinished = any(name.startswith(_UNFINISHED) for name in found)
    return not unfinished and {*Base.metadata.tables, "alembic_version"} <= found


def _check_own(database: Path) -> None:
    """Refuse a database that is not MLflow's, not even an unfinished one: it would be replaced by one that is."""
    from mlflow.store.db.base_sql_model import Base

    with closing(sqlite3.connect(database, timeout=20)) as connection:
        found = _tables(connection)
    others = [
        name
        for name in found - {*Base.metadata.tables, *_RECORDS}
        if not name.startswith((_UNFINISHED, "sqlite_", "alembic_"))
    ]
    if others and not {"experiments", "runs", "alembic_version"} <= found:  # as in one of another version of MLflow
        raise PlatformError(
            f"MLflow store {database.name}: it holds {counted(len(others), 'table')} of something else; "
            "name another file, or move it away"
        )


def _has_records(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        for table, rows in _RECORDS.items():
            with suppress(sqlite3.OperationalError):  # no such table
                [(count,)] = connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - names of our own
                if count > rows:
                    return True
    return False


def _copy(database: Path, partial: Path) -> None:
    with closing(sqlite3.connect(database, timeout=20)) as source, closing(sqlite3.connect(partial)) as target:
        source.backup(target)


def _migrate(partial: Path, artifacts: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(sqlite_uri(partial), artifacts.as_uri()).engine.dispose()


@contextmanager
def quiet_store(artifacts: Path) -> Iterator[None]:
    """Open a store without warnings of MLflow's about itself, and let a new one note where its artifacts belong.

    Left alone, it notes the current folder, which can name people.
    """
    before = os.environ.get(_ARTIFACT_ROOT)
    os.environ.setdefault(_ARTIFACT_ROOT, artifacts.as_uri())
    try:
        with warnings.catch_warnings():
            # MLflow 3.17 uses what SQLAlchemy 2.1 deprecates; that concerns neither us nor the user
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        if before is None:
            os.environ.pop(_ARTIFACT_ROOT, None)


def _drop_leftovers(partial: Path) -> None:
    """Remove what migrations that were interrupted have left: all that it was made of is in the tables."""
    with closing(sqlite3.connect(partial)) as connection:
        for name in _tables(connection):
            if name.startswith(_UNFINISHED):
                connection.execute(f'DROP TABLE "{name}"')
        connection.commit()


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _remove(partial: Path) -> None:
    for name in ("", "-journal", "-wal", "-shm"):
        partial.with_name(partial.name + name).unlink(missing_ok=True)
