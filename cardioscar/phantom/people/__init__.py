"""Phantoms that are like people: hearts with few slices and large scars, each slice drawn by hand and by itself."""
