"""The Helm chart, and what writes its README."""
