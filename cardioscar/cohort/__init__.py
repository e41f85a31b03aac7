"""What comes in: which subjects a cohort has, which files each has, and what is wrong with them."""
