"""Several cores on one memory.

The cores are evaluated each by itself (:mod:`core`); what they ask of the shared memory meets in one SimPy
environment (:mod:`manager`), where an arbiter, a memory and a cache decide in order of time
(:mod:`shared_memory`). docs/soc.md has the rules.
"""
