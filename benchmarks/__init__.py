"""How fast, and how far off: ``python -m benchmarks --help``."""
