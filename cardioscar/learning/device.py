"""Where a network is trained: which device, on how many threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from cardioscar.errors import ConfigError

SMALL_BATCH = 50_000
"""Nodes of a batch below which one thread fits as fast as several."""


def choose_device(name: str) -> torch.device:
    """Resolve `auto` to CUDA where present, else the CPU.

    Raises:
        ConfigError: If the device is asked for by name and is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError("device", "auto, cpu, cuda or cuda:N", repr(name)) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            "device", "a device of this machine", f"'{name}' with {torch.cuda.device_count()} CUDA devices"
        )
    return device


@contextmanager
def threads_for(nodes: int) -> Iterator[None]:
    """One thread for small batches: a second one gains nothing there (3.4 s against 3.5 s on the real case) and, on a
    busy machine, the two wait for each other at every step."""
    before = torch.get_num_threads()
    if nodes < SMALL_BATCH:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
