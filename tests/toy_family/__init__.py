"""A second family: beats counted in cine series. It declares what it is, and no room of the platform knows of it."""
