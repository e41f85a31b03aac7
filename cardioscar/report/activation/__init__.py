"""What the page of one subject says of late activation: strain matrix with onsets, curves, bullseye, explanation."""
