"""How the container images are built."""
