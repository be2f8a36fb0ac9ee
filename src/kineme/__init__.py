"""kineme: learn from human skeleton motion."""

__version__ = "0.1.0"
