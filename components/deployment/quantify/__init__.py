"""The `quantify` component."""

from components.deployment.quantify.component import quantify

__all__ = ["quantify"]
