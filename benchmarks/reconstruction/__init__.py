"""Every reconstruction method on the same hearts: accuracy, calibration, time and memory, side by side."""
