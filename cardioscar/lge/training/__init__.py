"""How these networks are trained: images and labels, synthetic or from folders, the loss, figures of the validation."""
