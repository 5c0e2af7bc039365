"""Package dram."""
