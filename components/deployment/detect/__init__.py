"""The `detect` component."""

from components.deployment.detect.component import detect

__all__ = ["detect"]
