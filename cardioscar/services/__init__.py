"""The outside world: object store, MLflow tracking server and model registry, Kubeflow Pipelines."""
