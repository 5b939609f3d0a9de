"""sercli: from a folder of emotional speech to honest, reproducible emotion-recognition scores."""

__version__ = "0.1.0"
