"""One network for onset and class of all sectors of a slice, from its strain over sectors and frames."""
