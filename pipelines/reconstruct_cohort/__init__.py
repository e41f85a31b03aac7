"""The pipeline that turns a cohort of LGE-MRI slices into 3D scar maps."""
