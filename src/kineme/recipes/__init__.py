"""Recipes: functions that return a typed configuration with a paper's numbers."""
