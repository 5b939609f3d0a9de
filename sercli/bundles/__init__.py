"""A classifier in a folder, and how it labels new audio."""
