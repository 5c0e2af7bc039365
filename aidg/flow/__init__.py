"""Evaluation in order of time: descriptions with controllers and movers.

``docs/semantics.md``, rules 10 to 14.
"""
