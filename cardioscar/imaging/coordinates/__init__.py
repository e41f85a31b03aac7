"""Coordinates of the left ventricle and the 17 segments of the AHA."""
