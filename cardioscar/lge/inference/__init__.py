"""From a stack as the scanner gives it to labels, calibrated probabilities and doubt, by a stored network."""
