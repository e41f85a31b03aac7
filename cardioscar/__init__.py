"""3D myocardial scar maps, with uncertainty, from sparse LGE-MRI slices."""

__version__ = "0.1.0"
