"""Eleven indices and phase on drawn subjects that no network has seen, several ways beside each other."""
