"""The kernel of the evaluation in order of time, on two flat lists of integers.

Plain functions on integers: they run as they are, and compiled by numba (:mod:`aidg.flow.compiled`). The
rules are those of ``docs/semantics.md``. Within a cycle, what needs no decision happens first (the list
of work), then controllers begin frames and movers admit parts, then storages grant requests.
"""

# Modules in the order in which they use each other.
MODULES = (
    "records", "time", "places", "operands", "hazards", "flights", "fetch", "parts", "lines", "movers",
    "outside", "grants", "key", "run", "pieces", "pack", "memory",
)  # fmt: skip
