"""The `train_activation` component."""

from components.training.train_activation.component import train_activation

__all__ = ["train_activation"]
