"""A trial in another process for readers that a damaged file can crash, and with them whoever called.

The trial has limits of processor time and memory in proportion to the file: one of a few bytes can claim 10^12 nodes.

Where encoded values end early, some readers leave the rest of an array as they found the memory: it may hold anything
that the process has read before. So the other process fills fresh memory with a pattern, and the checksum of what it
read must be that of what is read here.
"""

from __future__ import annotations

import atexit
import inspect
import math
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from cardioscar.errors import InputError

MEMORY_MIB = 512
"""What a reader may take for a file of no length."""
MEMORY_PER_BYTE = 64
"""What it may take more for each byte of the file: zlib packs meshes three to forty times."""
CPU_S = 4
"""Processor time for a file of no length; a damaged one may keep its reader busy for ever."""
CPU_S_PER_MIB = 2
"""What each MiB adds: twenty times what the slowest format (text) takes."""
WALL_PER_CPU = 10
"""How much longer than its processor time a trial may last, on a machine that is busy with others."""

COMPLAINT = "error|could not|cannot|unable|premature|mismatch|corrupt|fail"
"""Words of VTK's reports of a file that is not whole: it says so as an error, or only as a warning."""

_OUT_OF_MEMORY, _DAMAGED = 4, 5
_SPARE_MIB = 64
"""What the reading here may take more than the trial did."""


def checksum(output: Any) -> int:
    """Checksum of the places, cells and numbers of a VTK data set; strings and field data do not count."""
    import zlib

    arrays = [output.GetPoints().GetData()] if hasattr(output, "GetPoints") and output.GetPoints() else []
    for name in ("GetCells", "GetVerts", "GetLines", "GetPolys", "GetStrips"):
        cells = getattr(output, name)() if hasattr(output, name) else None
        if cells and cells.GetNumberOfCells():
            arrays += [cells.GetOffsetsArray(), cells.GetConnectivityArray()]
    if output.IsA("vtkUnstructuredGrid"):
        arrays.append(output.GetCellTypes())
    for data in (output.GetPointData(), output.GetCellData()):
        arrays += [data.GetArray(n) for n in range(data.GetNumberOfArrays())]
    found = 0
    for array in arrays:
        try:
            found = zlib.crc32(memoryview(array).cast("B"), found)
        except (TypeError, ValueError):  # empty, or no numbers that lie in memory one after the other
            continue
    return found


# It forks for each file, so that VTK is imported once; it has no threads that a fork would leave in an undefined state.
# No core is dumped: it would hold patient data.
_SERVER = """
import ctypes, importlib, os, re, resource, signal, sys
from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow, vtkStringOutputWindow

def read(reader, path):
    if reader.IsA("vtkDataReader"):
        with open(path, "rb") as stream:
            text = stream.read() + b"\\n"
        reader.ReadFromInputStringOn()
        reader.SetBinaryInputString(text, len(text))
    else:
        reader.SetFileName(path)
    reader.Update()
    output = reader.GetOutput()
    return checksum(output) if output else 0, output is None or reader.GetErrorCode() != 0

def limit(which, value):
    resource.setrlimit(which, (value, value))

def virtual_kib(name):
    with open("/proc/self/status") as stream:
        return int(stream.read().partition(name + ":")[2].split()[0])

def used_bytes():
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[5]) * resource.getpagesize()

def trial(kind, mib, cpu_s, wall_s, path, answer):
    code = 0
    try:
        window = vtkStringOutputWindow()
        vtkOutputWindow.SetInstance(window)
        signal.alarm(wall_s)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
        limit(resource.RLIMIT_DATA, used_bytes() + mib * 2**20)
        before = virtual_kib("VmSize")
        found, failed = read(kind(), path)
        os.write(answer, f"{found}/{(virtual_kib('VmPeak') - before) // 1024}".encode())
        said = str(window.GetOutput() or "")
        if re.search("allocat|memory", said, re.IGNORECASE):
            code = OUT_OF_MEMORY
        elif failed or re.search("COMPLAINT", said, re.IGNORECASE):
            code = DAMAGED
    except MemoryError:
        code = OUT_OF_MEMORY
    finally:
        os._exit(code)

vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
limit(resource.RLIMIT_CORE, 0)
try:
    ctypes.CDLL(None).mallopt(-6, 0xA5)  # M_PERTURB: fresh memory is filled with a pattern
except AttributeError:
    pass  # another C library
for line in sys.stdin:
    module, name, mib, cpu_s, wall_s, path = line.split()
    kind = getattr(importlib.import_module("vtkmodules." + module), name)
    source, answer = os.pipe()
    child = os.fork()
    if child == 0:
        path = bytes.fromhex(path).decode("utf-8", "surrogateescape")
        trial(kind, int(mib), int(cpu_s), int(wall_s), path, answer)
    os.close(answer)
    found = os.read(source, 100).decode() or "-"
    os.close(source)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), found, flush=True)
"""
for _word, _value in (("OUT_OF_MEMORY", _OUT_OF_MEMORY), ("DAMAGED", _DAMAGED), ("COMPLAINT", COMPLAINT)):
    _SERVER = _SERVER.replace(_word, str(_value))

READER_MODULES = {
    "vtkPLYReader": "vtkIOPLY",
    "vtkDataSetReader": "vtkIOLegacy",
    "vtkSTLReader": "vtkIOGeometry",
    "vtkXMLUnstructuredGridReader": "vtkIOXML",
    "vtkXMLPolyDataReader": "vtkIOXML",
    "vtkXMLStructuredGridReader": "vtkIOXML",
    "vtkXMLImageDataReader": "vtkIOXML",
    "vtkXMLRectilinearGridReader": "vtkIOXML",
}
"""VTK's names of the readers that are tried, and their modules."""

_lock = threading.Lock()
_server: tuple[int, subprocess.Popen[str]] | None = None


def check_reader_survives(path: Path, reader: str) -> int | None:
    """Read a file in another process and see whether that ends by itself, within limits of time and memory.

    The first file takes a quarter of a second, for the start of that process; later ones some milliseconds more than
    the reading.

    Args:
        path: File.
        reader: VTK's name of its reader.

    Returns:
        The `checksum` of what was read there; None where nothing was.

    Raises:
        InputError: If the reader reports a fault, crashes, does not come to an end, or takes more memory than a file of
            that size can fill or than this process may have.
    """
    mib = path.stat().st_size / 2**20
    memory_mib, cpu_s = int(MEMORY_MIB + MEMORY_PER_BYTE * mib), int(CPU_S + CPU_S_PER_MIB * mib)
    with _lock:
        code, found, taken_mib = _try(path, reader, memory_mib, cpu_s)
    rule = f"a complete {path.suffix} file"
    if code in (-signal.SIGALRM, -signal.SIGXCPU):
        raise InputError(path.name, rule, f"one whose reader is not done in {cpu_s} s")
    if code == _OUT_OF_MEMORY:
        raise InputError(path.name, rule, f"one whose reader takes more than {memory_mib} MiB")
    if code == _DAMAGED:  # reading it here too would show nothing more, and may cost memory that VTK never gives back
        raise InputError(path.name, rule, "a truncated or damaged one")
    if code < 0:
        raise InputError(path.name, rule, "a damaged one, which crashes its reader")
    if taken_mib + _SPARE_MIB > _left_mib():
        raise InputError(path.name, rule, f"one whose reader takes {taken_mib} MiB, more than this process may have")
    return found


def _left_mib() -> float:
    """What this process may take more, where its address space is limited (`ulimit -v`)."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return math.inf
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return limit / 2**20 - int(status.partition("VmSize:")[2].split()[0]) / 1024


def _try(path: Path, reader: str, memory_mib: int, cpu_s: int) -> tuple[int, int | None, int]:
    """Exit code of the trial, minus the signal that ended it, its checksum, and the memory in MiB that it asked for; 0
    and None where none could be made."""
    name = os.fsencode(path.absolute()).hex()
    question = f"{READER_MODULES[reader]} {reader} {memory_mib} {cpu_s} {WALL_PER_CPU * cpu_s} {name}\n"
    for _ in range(2):  # the process may have been killed meanwhile (out of memory): a new one answers
        server = _running()
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(question)
            server.stdin.flush()
            if answer := server.stdout.readline():
                code, found = answer.split()
                crc, _, taken = found.partition("/")
                return int(code), None if found == "-" else int(crc), int(taken or 0)
        except OSError:
            pass
        _stop()
    return 0, None, 0


def _running() -> subprocess.Popen[str]:
    global _server
    if _server is None or _server[0] != os.getpid():  # a fork has its own; the pipe is its parent's
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-P", "-c", f"from typing import Any\n{inspect.getsource(checksum)}\n{_SERVER}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
            # one thread: the stacks of many would count as memory env=os.environ | {"VTK_SMP_MAX_THREADS": "1"},
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
