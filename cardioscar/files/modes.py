"""Who may read what a command writes: its owner and the owner's group, unless told otherwise."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from cardioscar.errors import ConfigError

VARIABLE = "CARDIOSCAR_UMASK"
"""Environment variable: the rights that files do not get, in octal as `umask` prints them; default 027."""


@contextmanager
def private_files() -> Iterator[None]:
    """Let files and folders that are made in the block be closed to others, as far as `CARDIOSCAR_UMASK` says.

    What the process withholds already stays withheld. Processes that are started inherit it.

    Raises:
        ConfigError: If the variable is no octal number of three digits.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder, private_files():
    ...     _ = (Path(folder) / "map").write_text("")
    ...     oct((Path(folder) / "map").stat().st_mode & 0o007)
    '0o0'
    """
    text = os.environ.get(VARIABLE, "") or "027"
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise ConfigError(VARIABLE, "three octal digits such as 027", "another form")
    before = os.umask(0o077)
    os.umask(before | int(text, 8))
    try:
        yield
    finally:
        os.umask(before)
