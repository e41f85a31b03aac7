"""Files of strain: matrices, records, DENSEanalysis workspaces, displacement fields, surfaces frame by frame."""
