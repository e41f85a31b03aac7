"""Where a lead would stand in late wall free of scar, and where living channels cross scar."""
