"""Parts of a network that a training leaves as they are, by name."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from cardioscar.errors import ConfigError


def freeze(network: nn.Module, blocks: Sequence[str]) -> int:
    """Keep the weights of named blocks as they are.

    Args:
        network: What is to be trained.
        blocks: Names of parts, such as `encoder`, `encoder.vit.layers.3` or `unet`; a weight by its own name too.

    Returns:
        Number of weights that are frozen.

    Raises:
        ConfigError: If there is no such part, or nothing is left to train.

    >>> freeze(nn.ModuleDict({"first": nn.Linear(2, 3), "last": nn.Linear(3, 1)}), ["first"])
    9
    """
    named = dict(network.named_parameters())
    for block in blocks:
        own = [one for name, one in named.items() if name == block or name.startswith(f"{block}.")]
        if not own:
            parts = ", ".join(name for name, _ in network.named_children())
            raise ConfigError("frozen", f"names of parts that have weights ({parts}, or parts of them)", repr(block))
        for one in own:
            one.requires_grad_(False)
    if not any(one.requires_grad for one in named.values()):
        raise ConfigError("frozen", "a part that is left to train", "none")
    return sum(one.numel() for one in named.values() if not one.requires_grad)
