"""Processes, devices and progress bars."""
