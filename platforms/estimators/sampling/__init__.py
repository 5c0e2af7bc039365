"""What to measure next: searches and grids that need few measurements."""
