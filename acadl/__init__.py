"""Package acadl."""
