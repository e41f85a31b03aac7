"""The `group_sort` component."""

from components.data_processing.group_sort.component import group_sort

__all__ = ["group_sort"]
