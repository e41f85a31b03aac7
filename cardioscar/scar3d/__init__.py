"""3D scar field from sparse slices: groups ▸ sorting ▸ encoding ▸ field ▸ fit ▸ uncertainty ▸ projection; baselines."""
