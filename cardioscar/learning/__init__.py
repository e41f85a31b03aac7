"""What networks that subjects share need, whatever they learn: loop, checkpoints, split, augmentation, bundle."""
