"""An error of the network, and those that led to it: what failed is often said by the innermost alone."""

from __future__ import annotations

from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that led to it, each once, however boto3, MLflow, requests and urllib3 wrapped them.

    >>> refused = ConnectionRefusedError("nobody listens")
    >>> [type(one).__name__ for one in causes(OSError("no connection", refused))]
    ['OSError', 'ConnectionRefusedError']
    """
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        kept = getattr(current, "kwargs", None)  # botocore's way
        inner = [*current.args, getattr(current, "reason", None), kept.get("error") if isinstance(kept, dict) else None]
        inner += [getattr(one, "reason", None) for one in current.args]  # that of urllib3's pool, which is no error
        waiting += [one for one in [current.__context__, current.__cause__, *inner] if isinstance(one, BaseException)]
