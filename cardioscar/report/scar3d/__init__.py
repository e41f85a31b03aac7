"""What the page of one subject says of a scar map: scenes, channels, scores, residuals, intervals."""
