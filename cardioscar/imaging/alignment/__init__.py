"""Slices brought back to where the heart was: by the mesh, or by the heart's own axis."""
