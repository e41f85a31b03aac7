"""Mixed precision: in which numbers a network computes, and how small gradients survive in them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from cardioscar.errors import ConfigError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
SMALLEST_SCALE = 1e-6
"""Scale of the loss below which float16 cannot hold the gradients whatever is done: the training has diverged."""


class Precision:
    """Casts the forward pass, scales the loss, and clips gradients; float32 changes nothing.

    Args:
        name: `float32`, `bfloat16`, `float16`, or `auto`: on a CUDA device bfloat16 where it has it, else float16;
            float32 on a CPU.
        device: Where the network computes.

    Raises:
        ConfigError: If the name is none of these.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        if name == "auto":
            has_bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported()
            name = "float32" if device.type != "cuda" else "bfloat16" if has_bfloat16 else "float16"
        if name not in DTYPES:
            raise ConfigError("precision", f"auto, {', '.join(DTYPES)}", repr(name))
        self.name, self._device = name, device
        # bfloat16 has the exponents of float32, so its gradients do not vanish
        self.scaler = torch.amp.GradScaler(device.type, enabled=name == "float16")

    def cast(self) -> AbstractContextManager[object]:
        """The context of a forward pass."""
        if self.name == "float32":
            return nullcontext()
        return torch.autocast(self._device.type, dtype=DTYPES[self.name])

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a part of a step."""
        self.scaler.scale(loss).backward()

    def step(self, network: nn.Module, optimizer: torch.optim.Optimizer, clip_norm: float) -> bool:
        """One optimiser step with the gradients as they are.

        Args:
            network: What is trained.
            optimizer: Its optimiser.
            clip_norm: Largest norm of all gradients together; 0 does not clip.

        Returns:
            Whether training can go on: False, and no step, where gradients are not finite. In float16 such a step is
            left out and the next one scaled less, until the scale is below `SMALLEST_SCALE`.
        """
        self.scaler.unscale_(optimizer)
        gradients = [one.grad for one in network.parameters() if one.grad is not None]
        if clip_norm:
            finite = bool(torch.nn.utils.clip_grad_norm_(network.parameters(), clip_norm).isfinite())
        else:
            finite = not gradients or bool(torch.stack([one.isfinite().all() for one in gradients]).all())
        if not finite and not self.scaler.is_enabled():
            return False
        self.scaler.step(optimizer)
        self.scaler.update()
        return not self.scaler.is_enabled() or self.scaler.get_scale() >= SMALLEST_SCALE
