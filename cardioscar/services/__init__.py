"""The outside world: the MLflow tracking server and model registry."""
