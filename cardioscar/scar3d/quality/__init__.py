"""Whether a map can be relied on: scores, checks of slices and geometry, the verdict and its reasons."""
