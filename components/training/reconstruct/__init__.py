"""The `reconstruct` component."""

from components.training.reconstruct.component import reconstruct

__all__ = ["reconstruct"]
