"""PyTorch's AdamW without PyTorch's compiler, whose import takes as long as that of all the rest: 1.7 s."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

# These methods are marked as not to be compiled, and the mark imports the compiler (torch._dynamo) when first met.
_MARKED = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


class AdamW(torch.optim.AdamW):
    """AdamW [@loshchilov2019] for eager computation: the same numbers, with methods that carry no mark."""

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the weights from their gradients."""
        with torch.no_grad():
            return _STEP(self, closure)


_STEP = inspect.unwrap(torch.optim.AdamW.step)
for _name in _MARKED:
    setattr(AdamW, _name, inspect.unwrap(getattr(torch.optim.AdamW, _name)))
