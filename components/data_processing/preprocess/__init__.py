"""The `preprocess` component."""

from components.data_processing.preprocess.component import preprocess

__all__ = ["preprocess"]
