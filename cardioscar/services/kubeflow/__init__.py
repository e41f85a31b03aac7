"""Kubeflow Pipelines: uploaded pipelines, runs and their size, schedules."""
