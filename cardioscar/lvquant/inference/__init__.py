"""A stored network applied to a cine: where the ventricle is, labels, indices two ways, volumes with intervals."""
