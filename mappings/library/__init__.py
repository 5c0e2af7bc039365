"""Shipped mappings: one module per architecture, named like it; ``_`` marks modules that mappings share."""
