"""Image and mesh formats: headers read strictly, voxels counted before memory is asked for, readers watched."""
