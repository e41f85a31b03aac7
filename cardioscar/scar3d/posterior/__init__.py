"""From a fitted field to the scar's posterior: prior mean, residual process, unseen tissue, projection, intervals."""
