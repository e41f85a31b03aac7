"""Typed doors of the stages for Kubeflow Pipelines: one folder for each component, no science inside."""
