"""Processes, devices and progress bars. They may import `errors` and `text`."""
