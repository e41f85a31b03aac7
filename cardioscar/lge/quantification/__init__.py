"""What is measured of a segmented heart: scar with its interval, segments, transmurality; figures of a cohort."""
