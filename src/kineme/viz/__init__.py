"""Figures (extra `viz`)."""
