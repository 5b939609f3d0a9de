"""The store: locations, publishing, ragged arrays."""
