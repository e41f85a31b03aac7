"""What the slices say of the wall: scar source, wall at the door, groups of nodes that pixels see, hold-outs."""
