"""Tetrahedral meshes made from label volumes and from closed surfaces."""
