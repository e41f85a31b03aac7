"""Classical ways to tell from strain when a sector begins to shorten and whether it is scarred; how they are scored."""
