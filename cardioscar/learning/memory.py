"""How much memory a device can still give, and how it says that it could not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


MEMORY_SHARE = 0.6
"""Share of the device's free memory that the estimated need of a computation may take."""


CPU_MEMORY_BYTES = 2 * 2**30
"""What the estimated need may take on the CPU."""


def memory_bytes(device: torch.device) -> int:
    """What the estimated need of a computation on a device may take, in bytes."""
    import torch

    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # what earlier computations left with torch's allocator is free for the next one
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(MEMORY_SHARE * (free + cached))
    return CPU_MEMORY_BYTES


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device or the machine had too little memory, in any of the ways in which torch says so."""
    said = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or any(words in str(error) for words in said)
    )
