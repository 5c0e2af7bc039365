"""Files with choices that a search has found: one entry per shape of layer, as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acadl.errors import AcadlError
from platforms.network_layers import shape_of

if TYPE_CHECKING:
    from acadl.model import Architecture
    from mappings.choices import Choice
    from mappings.layers import Layer
    from platforms.network_search import NetworkSearch

FORMAT = "acadl choices 1"


@dataclass(frozen=True)
class Choices:
    """What a file says.

    Attributes:
        path: Where it was read.
        architecture: Name of the architecture that it is for.
        parameters: Of the architecture when the choices were found.
        by_shape: Choice by the layer without its name.
        sha256: Hash of the file.
    """

    path: str
    architecture: str
    parameters: Mapping[str, object]
    by_shape: Mapping[Layer, Choice]
    sha256: str

    def check(self, arch: Architecture) -> str | None:
        """What is to be said when they are used for ``arch``.

        Raises:
            AcadlError: They are for another architecture.
        """
        if arch.name != self.architecture:
            raise AcadlError(
                f"{self.path} has choices for '{self.architecture}', not for '{arch.name}'; "
                f"make some with: acadl search {arch.name} --network NET -o FILE"
            )
        found = dict(arch.parameters)
        other = [
            f"{name}={value!r}, now {found[name]!r}"
            for name, value in self.parameters.items()
            if name in found and found[name] != value
        ]
        return f"{self.path}: found with other parameters ({'; '.join(other)})" if other else None


def save_choices(path: str | os.PathLike[str], result: NetworkSearch) -> None:
    """Write the best choices of a search; the file is there as a whole or not at all."""
    from acadl.files import write_text

    entries = [
        {
            "layers": list(entry.names),
            "shape": _changed(shape_of(entry.layer)),
            "choice": dict(entry.found.best.choice),
            "cycles": entry.found.best.cost[0],
            "default_cycles": entry.found.default.cost[0],
        }
        for entry in result.layers
        if entry.found.best.choice
    ]
    data = {
        "format": FORMAT,
        "architecture": result.architecture,
        "network": result.network,
        "provenance": dict(result.provenance),
        "choices": entries,
    }
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def load_choices(path: str | os.PathLike[str]) -> Choices:
    """Read a file of choices.

    Raises:
        AcadlError: It cannot be read, or is none.
    """
    name = os.fspath(path)
    try:
        raw = Path(path).read_bytes()
        data = json.loads(raw)
    except OSError as error:
        raise AcadlError(f"{name} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise AcadlError(f"{name} is no file of choices: it is not JSON ({error})") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise AcadlError(f"{name} is no file of choices; `acadl search -o FILE` writes one ('{FORMAT}')")
    entries, provenance = data.get("choices"), data.get("provenance", {})
    parameters = provenance.get("parameters", {}) if isinstance(provenance, dict) else {}
    if not isinstance(entries, list) or not isinstance(parameters, dict):
        raise AcadlError(f"{name}: 'choices' is a list of entries, with 'parameters' under 'provenance'")
    found = dict(_entry(name, number, entry) for number, entry in enumerate(entries))
    return Choices(name, str(data.get("architecture")), parameters, found, sha256(raw).hexdigest())


def _changed(layer: Layer) -> dict[str, object]:
    """Fields that differ from their defaults."""
    defaults = {field.name: field.default for field in fields(layer)}
    values = {name: value for name, value in asdict(layer).items() if value != defaults[name]}
    return {name: value for name, value in values.items() if name not in ("name", "inputs")}


def _entry(file: str, number: int, entry: Any) -> tuple[Layer, Choice]:
    from mappings.layers import Layer

    where = f"{file}: entry {number} of 'choices'"
    if not isinstance(entry, dict) or not {"shape", "choice"} <= entry.keys():
        raise AcadlError(f"{where} has no 'shape' and 'choice'")
    shape, choice = entry["shape"], entry["choice"]
    if not isinstance(choice, dict) or not all(_is_value(value) for value in choice.values()):
        raise AcadlError(f"{where}: 'choice' holds an integer or a text for each name")
    known = {field.name: field.type for field in fields(Layer)}
    if not isinstance(shape, dict) or "op" not in shape:
        raise AcadlError(f"{where}: 'shape' has no 'op'")
    wrong = [name for name, value in shape.items() if name not in known or not _fits(known[name], value)]
    if wrong:
        raise AcadlError(f"{where}: {', '.join(wrong)} of 'shape' is not what a layer has")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in shape.items()
    }
    return shape_of(Layer(**{"name": "layer", **values})), choice


def _is_value(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _fits(kind: object, value: object) -> bool:
    """Whether a value is of the type of a layer's field, as it is written there."""
    text = str(kind)
    if text == "bool":
        return isinstance(value, bool)
    if text == "str":
        return isinstance(value, str)
    if text.startswith("tuple"):
        return isinstance(value, list) and all(_fits("int", item) for item in value)
    return isinstance(value, int) and not isinstance(value, bool) and "int" in text
