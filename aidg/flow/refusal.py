"""What there is not for descriptions that are evaluated in order of time."""

from __future__ import annotations

from acadl.errors import AcadlError
from acadl.model import Architecture, Controller, Mover


def refuse_order_of_time(arch: Architecture, what: str) -> None:
    """Raise :class:`AcadlError` if ``what`` cannot be had, as ``arch`` is evaluated in order of time."""
    if not arch.in_order_of_time:
        return
    why = "one of its storages or stages has an attribute that says so"
    for kind in (Controller, Mover):
        for item in arch.of_type(kind):
            why = f"'{item.name}' is a {kind.__name__.lower()}"
    raise AcadlError(
        f"there is no {what} of '{arch.name}' yet: {why}, so it is evaluated in order of time; estimates, "
        "validation, comparison and simulation know such descriptions"
    )
