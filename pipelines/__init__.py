"""Kubeflow pipelines: wiring of components only, compiled with `python -m pipelines.compile`."""
