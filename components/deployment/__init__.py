"""Apply fitted fields."""
