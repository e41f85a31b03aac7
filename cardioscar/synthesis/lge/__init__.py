"""Random late-enhancement images across the short axis, with the labels that a reader would draw."""
