"""The `train_lge` component."""

from components.training.train_lge.component import train_lge

__all__ = ["train_lge"]
