"""Conducting channels: living corridors through scar, how open they are, and what is measured of them."""
