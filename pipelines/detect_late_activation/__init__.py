"""The pipeline `detect_late_activation`."""
