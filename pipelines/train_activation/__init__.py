"""The `train_activation` pipeline."""
