"""The `infer` component."""

from components.deployment.infer.component import infer

__all__ = ["infer"]
