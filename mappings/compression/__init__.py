"""Compression as a workload generator: quantized and packed weights, and products with them."""
