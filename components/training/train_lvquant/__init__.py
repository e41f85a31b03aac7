"""The `train_lvquant` component."""

from components.training.train_lvquant.component import train_lvquant

__all__ = ["train_lvquant"]
