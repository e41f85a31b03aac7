"""Networks from a slice to a score for each label: ScarNet, a plain U-Net, nnU-Net's residual encoder."""
