"""Lists and dictionaries of arrays that Python programs store in `.npy` files, read without running any of them.

Such a file is a pickle: a program for a small machine, which may call any function of Python. Here the program is read
instruction by instruction; those that build lists, dictionaries, tuples, numbers, texts and numpy arrays are followed,
and any other, and any name but numpy's own for an array, ends the reading. Nothing that the file names is imported or
called.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardioscar.activation.formats.stored_arrays import CALLS, StoredArray, StoredDtype, finished
from cardioscar.errors import InputError
from cardioscar.imaging.formats.array_files import read_header
from cardioscar.imaging.formats.claimed_memory import claimed_memory
from cardioscar.imaging.formats.file_head import read_head

_RULE = "lists and dictionaries of arrays, numbers and texts"
_MOST_INSTRUCTIONS = 5_000_000
_MARK = object()


@dataclass(frozen=True)
class _Name:
    """A function or class that the file names, known by its name alone."""

    name: str


def read_objects(path: Path) -> Any:
    """Read the objects of a `.npy` file whose array holds objects.

    Args:
        path: As `np.save` writes a list of dictionaries.

    Returns:
        The list, or the one object, of which all arrays are numpy's.

    Raises:
        InputError: If the file is missing, damaged, no `.npy` of objects, or holds or calls anything else.
    """
    read_head(path, kind="a .npy file", size=8)
    with claimed_memory(path.name), path.open("rb") as stream:
        shape, _, dtype = read_header(stream, path.name)
        if not dtype.hasobject or dtype.names is not None or len(shape) > 1:
            raise InputError(path.name, "a .npy file of a list of records", "another array")
        try:
            held = _followed(stream)
        except InputError as error:
            raise InputError(path.name, _RULE, error.finding) from None
        except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, UnicodeError):
            raise InputError(path.name, _RULE, "a truncated or damaged file") from None
    if not isinstance(held, list) or len(held) != (shape[0] if shape else 1):
        raise InputError(path.name, f"a list of {shape[0] if shape else 1} records", "another")
    return held if shape else held[0]


def _followed(stream: Any) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for number, (code, found, _) in enumerate(pickletools.genops(stream)):
        argument: Any = found
        if number > _MOST_INSTRUCTIONS:
            raise InputError("", _RULE, "too many of them")
        if code.name == "STOP":
            [held] = stack
            return finished(held)
        if code.name in _CONSTANTS:
            stack.append(_CONSTANTS[code.name]())
        elif code.name in _LITERALS:
            stack.append(argument)
        elif code.name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if code.name == "MEMOIZE" else argument] = stack[-1]
        elif code.name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif code.name in _BUILDERS:
            _BUILDERS[code.name](stack)
        elif code.name == "GLOBAL":
            stack.append(_known(*argument.split(" ")))
        elif code.name not in ("PROTO", "FRAME"):
            raise InputError("", _RULE, "an instruction to do something else")
    raise ValueError


def _known(module: str, name: str) -> _Name:
    # numpy 2 keeps its insides under another name than numpy 1, which wrote older files
    known = f"{module.replace('numpy._core', 'numpy.core')}.{name}"
    if known not in CALLS:
        raise InputError("", _RULE, "the name of something else")
    return _Name(known)


def _above_mark(stack: list[Any]) -> list[Any]:
    at = len(stack) - 1
    while stack[at] is not _MARK:
        at -= 1
        if at < 0:
            raise ValueError
    above = stack[at + 1 :]
    del stack[at:]
    return above


def _list(stack: list[Any]) -> None:
    stack.append(_above_mark(stack))


def _tuple(count: int | None) -> Callable[[list[Any]], None]:
    def build(stack: list[Any]) -> None:
        if count is None:
            stack.append(tuple(_above_mark(stack)))
            return
        parts = tuple(stack[-count:])
        if len(parts) != count:
            raise ValueError
        del stack[-count:]
        stack.append(parts)

    return build


def _append(stack: list[Any]) -> None:
    value = stack.pop()
    _of_kind(stack[-1], list).append(value)


def _appends(stack: list[Any]) -> None:
    values = _above_mark(stack)
    _of_kind(stack[-1], list).extend(values)


def _dict(stack: list[Any]) -> None:
    stack.append(_pairs(_above_mark(stack)))


def _set_item(stack: list[Any]) -> None:
    value, key = stack.pop(), stack.pop()
    _of_kind(stack[-1], dict).update(_pairs([key, value]))


def _set_items(stack: list[Any]) -> None:
    values = _above_mark(stack)
    _of_kind(stack[-1], dict).update(_pairs(values))


def _pairs(values: list[Any]) -> dict[Any, Any]:
    keys = values[::2]
    if len(values) % 2 or not all(isinstance(key, str | int | float | bytes | None) for key in keys):
        raise ValueError
    return dict(zip(keys, values[1::2], strict=True))


def _reduce(stack: list[Any]) -> None:
    arguments, function = stack.pop(), stack.pop()
    if not isinstance(function, _Name) or not isinstance(arguments, tuple):
        raise ValueError
    made = CALLS[function.name]
    if made is None:
        raise InputError("", _RULE, "the name of something else")
    stack.append(made(*(one.name if isinstance(one, _Name) else one for one in arguments)))


def _build(stack: list[Any]) -> None:
    state = stack.pop()
    if not isinstance(stack[-1], StoredArray | StoredDtype):
        raise ValueError
    stack[-1].set_state(state)


def _name_of_stack(stack: list[Any]) -> None:
    name, module = stack.pop(), stack.pop()
    stack.append(_known(_of_kind(module, str), _of_kind(name, str)))


def _of_kind(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError
    return value


_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "MARK": lambda: _MARK,
}
_LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
_BUILDERS: dict[str, Callable[[list[Any]], Any]] = {
    "LIST": _list,
    "TUPLE": _tuple(None),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "APPEND": _append,
    "APPENDS": _appends,
    "DICT": _dict,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "POP": list.pop,
    "POP_MARK": _above_mark,
    "REDUCE": _reduce,
    "BUILD": _build,
    "STACK_GLOBAL": _name_of_stack,
}
