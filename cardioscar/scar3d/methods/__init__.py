"""Ways to reconstruct a scar field, one per file, behind one interface."""
