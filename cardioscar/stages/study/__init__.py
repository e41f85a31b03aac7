"""One patient, every modality: scar map, LV function, activation, and the plan that joins them."""
