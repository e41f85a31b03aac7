"""The `segment` component."""

from components.deployment.segment.component import segment

__all__ = ["segment"]
