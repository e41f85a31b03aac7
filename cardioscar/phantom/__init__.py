"""Analytic left ventricles with known scar, in the formats of real input."""
