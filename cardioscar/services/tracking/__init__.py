"""MLflow: runs of subjects and cohorts, registered models, look-up, erasure."""
