"""How fast the pieces are, against plain versions of themselves: ``python -m benchmarks``."""
