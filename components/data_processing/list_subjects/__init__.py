"""The `list_subjects` component."""

from components.data_processing.list_subjects.component import list_subjects

__all__ = ["list_subjects"]
