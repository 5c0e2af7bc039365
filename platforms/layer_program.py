"""The loop program of one layer of a network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from platforms.network_layers import chosen_layers, loaded

if TYPE_CHECKING:
    from acadl.model import Architecture
    from mappings.network import Network
    from mappings.program import LoopProgram


def layer_program(
    arch: Architecture, network: Network | str | os.PathLike[str], layer: str
) -> tuple[Network, LoopProgram]:
    """The network, loaded where it is a name, and the program of the layer of that name.

    Raises:
        AcadlError: The network cannot be loaded or has no such layer, or the architecture cannot run it.
        BrokenMapperError: A mapper that does not ship failed.
    """
    from mappings.registry import find_mapper
    from platforms.user_mapping import map_checked

    arch, network = loaded(arch, network)
    function = find_mapper(arch.name)
    (chosen,) = chosen_layers(network, [layer])
    return network, map_checked(function, chosen, arch)
