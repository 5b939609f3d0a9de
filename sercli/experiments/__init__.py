"""Autoencoders and classifiers as systems of a store."""
