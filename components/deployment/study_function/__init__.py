"""The `study_function` component."""

from components.deployment.study_function.component import study_function

__all__ = ["study_function"]
