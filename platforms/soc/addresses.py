"""Where the tensors of networks lie in the memory of a system."""

from __future__ import annotations

from dataclasses import dataclass, field

ALIGNMENT = 4096


@dataclass(slots=True)
class Addresses:
    """Regions, one behind the other. Weights of a layer are there once, whoever asks for them."""

    end: int = 0
    _weights: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, size: int) -> int:
        """The first byte of a new region."""
        address = self.end
        self.end += -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
        return address

    def weights(self, network: str, layer: str, size: int) -> int:
        """The first byte of a layer's weights."""
        key = network, layer
        if key not in self._weights:
            self._weights[key] = self.take(size)
        return self._weights[key]
