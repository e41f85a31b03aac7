"""A prior of scar learned from synthetic scars: what lies between slices, given what they show."""
