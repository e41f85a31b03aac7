"""Random cines across the short axis, with the labels that a reader would draw in every frame."""
