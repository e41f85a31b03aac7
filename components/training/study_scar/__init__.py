"""The `study_scar` component."""

from components.training.study_scar.component import study_scar

__all__ = ["study_scar"]
