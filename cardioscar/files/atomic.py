"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from cardioscar.errors import PlatformError


@contextlib.contextmanager
def renamed(partial: Path, final: Path) -> Iterator[Path]:
    """Give a name to write under, renamed when the block ends well, and taken away when it does not.

    Args:
        partial: Where to write; what a killed process left there is written over.
        final: In the same folder; an existing file is replaced.

    Yields:
        `partial`.

    Raises:
        OSError: If the disk is full or refuses.
    """
    try:
        yield partial
        partial.replace(final)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary name in the same folder, renamed to `path` when the block ends well.

    A process that is killed meanwhile leaves `path` as it was; only a hidden `.partial-*` file stays behind.
    The temporary name ends like the final one, because some writers choose the format by the ending.

    Args:
        path: Final name; an existing file is replaced.

    Yields:
        The temporary path, not yet existing.

    Raises:
        PlatformError: If the folder is missing or not writable, or the disk is full.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_file(Path(folder) / "a.txt") as partial:
    ...         _ = partial.write_text("whole")
    ...     [p.name for p in Path(folder).iterdir()]
    ['a.txt']
    """
    partial = path.with_name(f".partial-{uuid.uuid4().hex[:12]}-{path.name}")
    try:
        with renamed(partial, path):
            yield partial
    except OSError as error:
        # The text of the OSError carries the full path, so only its reason is passed on.
        raise PlatformError(f"{path.name}: could not be written ({error.strerror or 'I/O error'})") from None
