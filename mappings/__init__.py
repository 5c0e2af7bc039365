"""Package mappings."""
