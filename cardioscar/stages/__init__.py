"""Container stages, a room for each family, folder in ▸ folder out; and whole cohorts on one machine."""
