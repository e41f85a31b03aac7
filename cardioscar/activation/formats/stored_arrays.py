"""Arrays as numpy puts them into a pickle: kept as their parts, and made only once all parts fit each other."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from cardioscar.imaging.formats.array_files import MOST_BYTES

_DTYPE = re.compile(r"[|<>=]?(?:b1|[iu][1248]|f[248]|O8?|O|U\d{1,6}|S\d{1,6})")
_DEEPEST = 12


class StoredDtype:
    """A kind of number, by its code."""

    def __init__(self, code: Any, *_: Any) -> None:
        if not isinstance(code, str) or not _DTYPE.fullmatch(code):
            raise ValueError
        self.code, self.order = code.lstrip("|<>="), "<"

    def set_state(self, state: Any) -> None:
        """Take the order of bytes."""
        if not isinstance(state, tuple) or state[1] not in ("<", ">", "|", "=") or state[3:5] not in ((None, None),):
            raise ValueError
        self.order = state[1]

    def made(self) -> np.dtype:
        """The same as numpy's."""
        return np.dtype(self.code if self.code[0] == "O" else self.order + self.code)


class StoredArray:
    """An array, whose parts come one by one."""

    def __init__(self, *_: Any) -> None:
        self.state: tuple[Any, ...] | None = None

    def set_state(self, state: Any) -> None:
        """Take version, shape, kind, order, and data."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise ValueError
        self.state = state


class _Buffered(StoredArray):
    """An array as newer pickles have it: data, kind, shape and order at once."""

    def __init__(self, data: Any, dtype: Any, shape: Any, order: Any) -> None:
        super().__init__()
        self.set_state((1, shape, dtype, order == "F", data))


class _Scalar(StoredArray):
    """A single number of numpy's."""

    def __init__(self, dtype: Any, data: Any = b"") -> None:
        super().__init__()
        self.set_state((1, (), dtype, False, data))


def _encoded(text: Any, codec: Any) -> bytes:
    if not isinstance(text, str) or codec != "latin1":
        raise ValueError
    return text.encode("latin-1")


def _ordered(*pairs: Any) -> dict[Any, Any]:
    if pairs:
        raise ValueError
    return {}


CALLS: dict[str, Callable[..., Any] | None] = {
    "numpy.core.multiarray._reconstruct": StoredArray,
    "numpy.core.numeric._frombuffer": _Buffered,
    "numpy.core.multiarray.scalar": _Scalar,
    "numpy.ndarray": None,
    "numpy.dtype": StoredDtype,
    "_codecs.encode": _encoded,
    "collections.OrderedDict": _ordered,
}
"""What stands for each name that a file may give; None for one that is named and not called."""


def finished(value: Any) -> Any:
    """A value with all its arrays made, and nothing in it but what is allowed.

    Raises:
        ValueError: If parts do not fit each other, something else is in it, or it is too deep or too large.
    """
    return _Finisher().finish(value, 0)


class _Finisher:
    """Makes each thing once, however often it is referred to: a small file could refer to one a million times."""

    def __init__(self) -> None:
        self.made: dict[int, Any] = {}
        self.bytes = 0

    def finish(self, value: Any, depth: int) -> Any:
        if value is None or type(value) in (str, bytes, bytearray, int, float, bool):
            return value
        if id(value) not in self.made:
            if depth > _DEEPEST:
                raise ValueError
            self.made[id(value)] = self._container(value, depth + 1)
        return self.made[id(value)]

    def _container(self, value: Any, depth: int) -> Any:
        if isinstance(value, StoredArray):
            found = self._array(value, depth)
            if not isinstance(value, _Scalar):
                return found
            return found.item() if isinstance(found, np.ndarray) else found[0]
        if type(value) in (list, tuple):
            return [self.finish(one, depth) for one in value]
        if type(value) is dict:
            return {key: self.finish(one, depth) for key, one in value.items()}
        raise ValueError

    def _array(self, array: StoredArray, depth: int) -> Any:
        """The same as numpy's; a list where it holds objects."""
        if array.state is None:
            raise ValueError
        _, shape, dtype, fortran, data = array.state
        if not isinstance(dtype, StoredDtype) or not isinstance(shape, tuple) or len(shape) > 32:
            raise ValueError
        if not all(type(axis) is int and axis >= 0 for axis in shape):
            raise ValueError
        kind, count = dtype.made(), math.prod(shape)
        if kind.hasobject:
            if type(data) is not list or len(data) != count:
                raise ValueError
            return [self.finish(one, depth) for one in data]
        if type(data) not in (bytes, bytearray) or len(data) != count * kind.itemsize:
            raise ValueError
        self.bytes += len(data)
        if self.bytes > MOST_BYTES:
            raise ValueError
        values = np.frombuffer(bytes(data), dtype=kind).reshape(shape, order="F" if fortran else "C")
        return values.astype(kind.newbyteorder("="))
