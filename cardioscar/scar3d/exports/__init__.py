"""A finished scar map in forms that other tools read: slices of its own images, surfaces of depth, derivatives."""
