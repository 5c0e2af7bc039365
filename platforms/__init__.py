"""Package platforms."""
