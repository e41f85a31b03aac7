"""Object stores: places, listing, reading, publication, erasure."""
