"""What a scanner does to a picture of the body, one effect a function; the plane is the first two axes of an array."""
