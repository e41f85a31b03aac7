"""3D scar field from sparse slices: what is observed ▸ field ▸ posterior ▸ channels and quality; methods beside it."""
