"""Main memories: devices, controllers, address mapping, what lies behind the caches. Knows nothing of cores.

    run = dram.simulate(requests, "DDR4_2400")     # requests: arrays of arrival, operation, address

The page ``docs/dram.md`` describes the models. Descriptions of accelerators use :class:`acadl.model.DRAM`,
whose open-row timing does not need this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dram.configurations import configuration as configuration
    from dram.configurations import configuration_names as configuration_names
    from dram.errors import DramError as DramError
    from dram.online import OnlineMemory as OnlineMemory
    from dram.requests import Requests as Requests
    from dram.simulation import simulate as simulate
    from dram.streaming import stream as stream

# Names and where they live; they are loaded when they are first used.
_PUBLIC = {
    "DramError": "dram.errors",
    "OnlineMemory": "dram.online",
    "Requests": "dram.requests",
    "configuration": "dram.configurations",
    "configuration_names": "dram.configurations",
    "simulate": "dram.simulation",
    "stream": "dram.streaming",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'dram' has no attribute '{name}'")
    return getattr(import_module(_PUBLIC[name]), name)
