"""Numbers in MATLAB files of others, read by scipy in another process that has a limit of memory and time.

Structures are flattened: `Info.Ecc.mid` is the field `mid` of the field `Ecc` of the variable `Info`, and
`Slices[1].Place` that of the second element of a structure array.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import numpy as np

from cardioscar.errors import InputError
from cardioscar.imaging.formats.claimed_memory import claimed_memory
from cardioscar.imaging.formats.file_head import read_head

_LONGEST_S, _LARGEST_BYTES = 300, 8 << 30
_HDF5 = b"\x89HDF\r\n\x1a\n"

# Functions, objects and characters are passed over; cells count like elements of a structure array.
_READER = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
import numpy, scipy.io
path = bytes.fromhex(sys.argv[1]).decode("utf-8", "surrogateescape")
limit, wanted = int(sys.argv[2]), json.loads(sys.argv[3])
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
found = {}

def walk(name, value, depth):
    if depth > 8 or len(found) > 20000 or not isinstance(value, numpy.ndarray):
        return
    if value.dtype.names:
        for number, one in enumerate(value.ravel(order="F")):
            here = name if value.size == 1 else "%s[%d]" % (name, number)
            for field in value.dtype.names:
                walk(here + "." + field, one[field], depth + 1)
    elif value.dtype.hasobject:
        for number, one in enumerate(value.ravel(order="F")):
            walk("%s[%d]" % (name, number), one, depth + 1)
    elif value.dtype.kind in "biuf":
        found[name] = value

for name, value in scipy.io.loadmat(path, variable_names=wanted, appendmat=False).items():
    walk(name, value, 0)
if sum(value.nbytes for value in found.values()) > limit // 4:
    sys.exit(3)
names = json.dumps(list(found)).encode()
sys.stdout.buffer.write(len(names).to_bytes(8, "little") + names)
for value in found.values():
    numpy.save(sys.stdout.buffer, value, allow_pickle=False)
"""


def read_matlab(path: Path, variables: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Read the numbers of a MATLAB file.

    Args:
        path: `.mat`, or a workspace of another ending, as MATLAB writes it up to version 7.
        variables: Names of the variables that are wanted, as far as they are there; default all.

    Returns:
        Arrays by flattened name, of two dimensions at least, as MATLAB has them.

    Raises:
        InputError: If the file is missing, truncated, damaged, of version 7.3 (HDF5), or takes more memory or time than
            a study can.
    """
    head = read_head(path, kind="a MATLAB file", size=128)
    if head.startswith(_HDF5) or _HDF5 in head or b"MATLAB 7.3" in head:
        raise InputError(path.name, "a MATLAB file of version 7 or earlier (save -v7)", "one of version 7.3 (HDF5)")
    wanted = json.dumps(None if variables is None else sorted(variables))
    name = os.fsencode(path.absolute()).hex()
    words = [sys.executable, "-P", "-W", "ignore", "-c", _READER, name, str(_LARGEST_BYTES), wanted]
    try:
        with claimed_memory(path.name):
            done = subprocess.run(words, capture_output=True, timeout=_LONGEST_S, check=False)  # noqa: S603 - our own script
            if done.returncode == 0:
                stream = io.BytesIO(done.stdout)
                names = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
                return {one: np.load(stream, allow_pickle=False) for one in names}
    except (subprocess.TimeoutExpired, ValueError, EOFError, OSError):
        pass
    raise InputError(path.name, "a complete MATLAB file", "a truncated or damaged one, or another format")
