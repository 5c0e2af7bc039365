"""Caches: what they hold (:mod:`tags`, :mod:`replacement`) and how long they take.

:mod:`blocking` has the controller of a published cache generator, cycle by cycle, with write buffers, several
levels and several ports, as ``acadl cache`` runs it; docs/cache.md has the rules.
"""
