"""A user's mesh brought to the wall of the left ventricle: cells, surfaces, measures, topology, long axis."""
