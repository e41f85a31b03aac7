"""The stages of the scar reconstruction, one module each."""
