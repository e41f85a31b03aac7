"""The `train_lvquant` pipeline."""
