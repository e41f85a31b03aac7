"""The `train` component."""

from components.training.train.component import train

__all__ = ["train"]
