"""The store in a folder: any folder, whole or not there, whatever happened while it was made."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import pytest

from cardioscar.errors import PlatformError
from cardioscar.services.tracking.client import TrackingTarget, answering, connect
from cardioscar.services.tracking.local import sqlite_path, sqlite_uri
from cardioscar.services.tracking.recording import record_subject
from cardioscar.services.tracking.registry import find
from cardioscar.stages.scar3d.workflow import SCAR_FIELD

NAMES = [
    "50%20x", "a%41", "50%", "%", "%25", "why?", "?x=1", "a?b=c", "a#b", "a b", "a&b", "a;b", "Prüfung", "it's",
    'say "x"',
    "back\\slash", "[x]", "a:b", "a@b", "$HOME", "~x", "file:x",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_address_names_its_file(name: str, tmp_path: Path) -> None:
    from sqlalchemy.engine import make_url

    database = tmp_path / name / "mlflow.db"
    uri = sqlite_uri(database)
    assert make_url(uri).database == str(database)
    assert make_url(str(make_url(uri))).database == str(database)
    assert sqlite_path(uri) == database
    database.parent.mkdir()
    assert sqlite_path(uri) == database
    # as one writes it who does not know of encoding, in a folder that is there
    assert sqlite_path(f"sqlite:///{database}") == database
    database.touch()
    assert sqlite_path(f"sqlite:///{database}") == database
    assert TrackingTarget(f"sqlite:///{database}").address == uri


@pytest.mark.parametrize("name", ["50%20x", "why?"])
def test_a_store_lies_in_its_folder_and_nowhere_else(name: str, tmp_path: Path, make_record) -> None:
    record = make_record()
    target = TrackingTarget.local(tmp_path / "here" / name)
    record_subject(target, record)
    assert [row.subject for row in find(target, SCAR_FIELD)] == ["P001"]
    assert [path.name for path in (tmp_path / "here").iterdir()] == [name]
    names = {path.name for path in (tmp_path / "here" / name).iterdir()}
    assert names == {"mlartifacts", "mlflow.db", "mlflow.db.lock"}
    assert list((tmp_path / "here" / name / "mlartifacts").rglob("report.html"))


MAKE = """
    import sys
    from pathlib import Path
    from cardioscar.services.tracking.client import TrackingTarget, connect
    connect(TrackingTarget.local(Path(sys.argv[1])))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("tables", [1, 12])
def test_a_store_whose_making_is_interrupted_is_not_there(how: signal.Signals, tables: int, tmp_path: Path) -> None:
    partial, whole = tmp_path / ".mlflow.db.partial", tmp_path / "mlflow.db"
    for _ in range(5):  # on a busy machine it may be done before we look
        maker = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(MAKE), str(tmp_path)], stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 120
        while counted(partial) < tables and not whole.exists():
            assert maker.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        maker.send_signal(signal.SIGSTOP)  # it does not get on while we look
        if not whole.exists():
            break
        maker.kill()
        maker.wait()
        for path in tmp_path.iterdir():
            path.unlink()
    assert not whole.exists()
    maker.send_signal(how)
    maker.send_signal(signal.SIGCONT)
    maker.wait()
    assert not (tmp_path / "mlflow.db").exists()
    client = connect(TrackingTarget.local(tmp_path))
    assert client.get_experiment_by_name("Default") is not None
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def counted(database: Path) -> int:
    """Number of tables of a file that another process writes."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            [(found,)] = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'")
            return int(found)
    except sqlite3.Error:
        return 0


def half_made(database: Path) -> None:
    """As MLflow leaves a store when it is interrupted in a migration."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE _alembic_tmp_experiment_tags (key VARCHAR)")
        connection.execute("DROP TABLE webhook_events")
        connection.commit()


def test_a_half_made_store_without_records_is_made_anew(store: TrackingTarget, tmp_path: Path) -> None:
    target = TrackingTarget.local(tmp_path)
    connect(target)
    half_made(tmp_path / "mlflow.db")
    (tmp_path / "mlflow.db-journal").write_bytes(b"of the half that is gone")
    # another process: MLflow keeps its connections to the file that was
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(MAKE), str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db", "mlflow.db.lock"]
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "webhook_events" in tables
    assert not any(name.startswith("_alembic_tmp_") for name in tables)


def test_records_of_a_store_that_is_not_whole_are_kept(tmp_path: Path, make_record) -> None:
    target = TrackingTarget.local(tmp_path / "store")
    record_subject(target, make_record())
    moved = tmp_path / "moved"
    shutil.copytree(tmp_path / "store", moved)  # under another name MLflow has no connection to it yet
    with closing(sqlite3.connect(moved / "mlflow.db")) as connection:
        connection.execute("CREATE TABLE _alembic_tmp_experiment_tags (key VARCHAR)")
        connection.commit()
    assert [row.subject for row in find(TrackingTarget.local(moved), SCAR_FIELD)] == ["P001"]
    with closing(sqlite3.connect(moved / "mlflow.db")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert not any(name.startswith("_alembic_tmp_") for name in tables)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0"])
def test_an_empty_file_becomes_a_store_or_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(content)
    if content:
        with pytest.raises(PlatformError, match=r"MLflow store mlflow\.db: file is not a database"):
            connect(TrackingTarget.local(tmp_path))
        assert (tmp_path / "mlflow.db").read_bytes() == content
    else:
        assert connect(TrackingTarget.local(tmp_path)).get_experiment_by_name("Default") is not None


@pytest.mark.parametrize("table", ["tissue", "experiments of mine", "users"])
def test_somebody_elses_database_is_not_replaced(table: str, tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f'CREATE TABLE "{table}" (a int)')
        connection.execute(f'INSERT INTO "{table}" VALUES (7)')
        connection.commit()
    before = database.read_bytes()
    with pytest.raises(PlatformError, match=r"MLflow store mlflow\.db: it holds 1 table of something else"):
        connect(TrackingTarget.local(tmp_path))
    assert database.read_bytes() == before


def test_a_user_without_a_home_records(tmp_path: Path) -> None:
    """As in a container: neither HOME nor an entry in /etc/passwd."""
    nobody = "import pwd, os\ndef none(*_): raise KeyError('uid not found')\npwd.getpwuid = none\n"
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "USER", "LOGNAME")}
    done = subprocess.run(
        [sys.executable, "-c", nobody + textwrap.dedent(MAKE), str(tmp_path)],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mlflow.db").is_file()


def test_a_fault_of_mlflows_own_is_not_ours(store: TrackingTarget) -> None:
    from mlflow.utils.uri import get_uri_scheme

    with (
        pytest.raises(PlatformError, match=r"^MLflow store mlflow\.db: unforeseen AttributeError in MLflow$"),
        answering(store),
    ):
        get_uri_scheme(3)
    with pytest.raises(TypeError), answering(store):
        sqlite_uri(None)  # type: ignore[arg-type]
