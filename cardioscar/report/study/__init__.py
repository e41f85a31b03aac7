"""What the page of a plan shows: maps with sites, bullseyes, tables, how modalities were brought together."""
