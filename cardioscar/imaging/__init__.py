"""What a scan is: labels, volumes and slice stacks with their affine, LV meshes, meshing, file formats."""
