"""How close a scar map comes to the truth: overlap, volume, surface distance, calibration."""
