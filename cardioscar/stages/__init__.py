"""One module for each container stage, folder in ▸ folder out; `subjects` is the only loop over a shard."""
