"""Green–Lagrange strain over sectors and frames: from displacement, contours and moving surfaces; checks, denoising."""
