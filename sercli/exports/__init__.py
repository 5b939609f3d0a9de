"""Writers for other programs."""
