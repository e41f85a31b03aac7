"""A trial in another process for readers that a damaged file can crash, and with them whoever called."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from cardioscar.errors import InputError

FRAGILE = ("vtkPLYReader", "vtkDataSetReader")
"""VTK's names of the readers that are tried first: of 300 PLY files with some bytes changed, 98 crash theirs."""

_LONGEST_TRIAL_S = 300

# It forks for each file, so that VTK is imported once; it has no threads that a fork would leave in an undefined state.
# No core is dumped: it would hold patient data.
_SERVER = """
import os, resource, signal, sys
from vtkmodules.vtkIOLegacy import vtkDataSetReader
from vtkmodules.vtkIOPLY import vtkPLYReader

def read(kind, path):
    reader = {"vtkPLYReader": vtkPLYReader, "vtkDataSetReader": vtkDataSetReader}[kind]()
    if kind == "vtkDataSetReader":
        with open(path, "rb") as stream:
            text = stream.read() + b"\\n"
        reader.ReadFromInputStringOn()
        reader.SetBinaryInputString(text, len(text))
    else:
        reader.SetFileName(path)
    reader.Update()

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
for line in sys.stdin:
    kind, limit, path = line.split()
    child = os.fork()
    if child == 0:
        signal.alarm(int(limit))
        try:
            read(kind, bytes.fromhex(path).decode("utf-8", "surrogateescape"))
        finally:
            os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

_lock = threading.Lock()
_server: tuple[int, subprocess.Popen[str]] | None = None


def check_reader_survives(path: Path, reader: str) -> None:
    """Read a file in another process and see whether that ends by itself.

    The first file takes a quarter of a second, for the start of that process; later ones some milliseconds more than
    the reading. What the reader reports is not judged here.

    Args:
        path: File.
        reader: VTK's name of its reader; one that is not in `FRAGILE` is not tried.

    Raises:
        InputError: If the reader crashes, or does not come to an end.
    """
    if reader not in FRAGILE:
        return
    with _lock:
        code = _try(path, reader)
    rule = f"a complete {path.suffix} file"
    if code == -signal.SIGALRM:
        raise InputError(path.name, rule, f"one whose reader is not done in {_LONGEST_TRIAL_S} s")
    if code < 0:
        raise InputError(path.name, rule, "a damaged one, which crashes its reader")


def _try(path: Path, reader: str) -> int:
    """Exit code of the trial, minus the signal that ended it; 0 where none could be made."""
    question = f"{reader} {_LONGEST_TRIAL_S} {os.fsencode(path.absolute()).hex()}\n"
    for _ in range(2):  # the process may have been killed meanwhile (out of memory): a new one answers
        server = _running()
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(question)
            server.stdin.flush()
            if answer := server.stdout.readline():
                return int(answer)
        except OSError:
            pass
        _stop()
    return 0


def _running() -> subprocess.Popen[str]:
    global _server
    if _server is None or _server[0] != os.getpid():  # a fork has its own; the pipe is its parent's
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-P", "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip
        _server = (os.getpid(), process)
        atexit.register(_stop)
    return _server[1]


def _stop() -> None:
    global _server
    if _server is None or _server[0] != os.getpid():
        return
    process, _server = _server[1], None
    atexit.unregister(_stop)
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # what was not sent is not missed
                continue
