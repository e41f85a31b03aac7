"""Files and folders that appear whole or not at all, and who may read them."""
