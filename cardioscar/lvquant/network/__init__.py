"""From a cine slice to labels and the eleven indices: segmentation, region of interest, convolutions over the beat."""
