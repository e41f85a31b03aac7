"""The `study_activation` component."""

from components.deployment.study_activation.component import study_activation

__all__ = ["study_activation"]
