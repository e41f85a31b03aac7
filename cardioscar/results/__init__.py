"""What goes out: published results in a folder or a store, the cohort's table, and one subject taken out again."""
