"""Quantification of cine MR: indices of the left ventricle over the beat, from masks and by a network."""
