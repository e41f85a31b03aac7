"""The `measure_strain` component."""

from components.data_processing.measure_strain.component import measure_strain

__all__ = ["measure_strain"]
