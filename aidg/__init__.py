"""Package aidg."""
