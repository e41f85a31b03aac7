"""Onset over the whole left ventricle, from the slices that were measured, and how sure it is between them."""
