"""The `train_lge` pipeline."""
