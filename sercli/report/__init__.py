"""Scores and arrays to tables and pictures for people."""
