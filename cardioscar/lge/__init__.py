"""Segmentation of late-enhancement images: wall, cavity and scar of the left ventricle by trained networks."""
