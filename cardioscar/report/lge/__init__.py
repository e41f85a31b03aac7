"""What the page of one subject says of a segmentation: slices, segments, thresholds, doubt."""
