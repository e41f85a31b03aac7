"""The one loop over the subjects of a shard, and what it writes of each: status, warnings, peak memory."""
