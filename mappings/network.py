"""Networks: their layers in order, and what their source said that did not become a layer.

>>> network = load_network("alexnet")
>>> network.macs
714188480
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from acadl.errors import AcadlError, shortened
from mappings.layers import Layer, layer_problems

NOTE_KINDS = ("view", "folded", "constant", "assumed", "unknown", "ignored")


@dataclass(frozen=True, slots=True)
class Note:
    """Something in the source of a network that did not become a layer of its own, or not as it stands.

    Attributes:
        kind: ``view`` (renames data, moves none), ``folded`` (merged into another layer), ``constant``
            (computed before inference), ``assumed`` (a size that the source leaves open), ``unknown`` (not
            imported, or with work that is not counted), ``ignored`` (not read).
        node: Name of the node, tensor or column that it is about.
        op: Its operator as the source calls it, empty where there is none.
        text: One sentence.
    """

    kind: str
    node: str
    op: str
    text: str


@dataclass(frozen=True, slots=True)
class Network:
    """Layers in an order in which they can be computed.

    Attributes:
        name: Name of the zoo or stem of the file.
        layers: Operators with shapes; names are unique.
        notes: What the import left out, merged or assumed; nothing is dropped without one.
        source: Path as given, or ``zoo:NAME``.
        source_sha256: Hash of the file's bytes; of the layers where there is no file.

    Raises:
        AcadlError: A layer is meaningless or two share a name.
    """

    name: str
    layers: tuple[Layer, ...]
    notes: tuple[Note, ...] = ()
    source: str = ""
    source_sha256: str = field(default="")

    def __post_init__(self) -> None:
        problems = [f"layer '{x.name}': {text}" for x in self.layers for _, text in layer_problems(x)]
        names = Counter(layer.name for layer in self.layers)
        problems += [f"{count} layers are named '{name}'" for name, count in names.items() if count > 1]
        if problems:
            raise AcadlError(f"network '{self.name}' is not usable: " + "; ".join(problems[:20]))
        if not self.source_sha256:
            digest = sha256(json.dumps([asdict(layer) for layer in self.layers]).encode()).hexdigest()
            object.__setattr__(self, "source_sha256", digest)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all occurrences of all layers."""
        return sum(layer.macs * layer.count for layer in self.layers)

    @property
    def unsupported(self) -> tuple[Note, ...]:
        """Nodes that are not imported, or whose work is not counted."""
        return self.notes_of("unknown")

    def notes_of(self, kind: str) -> tuple[Note, ...]:
        """Notes of one of the :data:`NOTE_KINDS`."""
        return tuple(note for note in self.notes if note.kind == kind)

    def layer(self, name: str) -> Layer:
        """The layer of that name.

        Raises:
            AcadlError: There is none; the message has the nearest names.
        """
        found = next((layer for layer in self.layers if layer.name == name), None)
        if found is None:
            names = [layer.name for layer in self.layers]
            raise AcadlError(f"network '{self.name}' has no layer '{name}'{suggestion(name, names)}")
        return found

    def report(self) -> str:
        """Text: numbers of layers, MACs and notes; then each assumption and unknown operator."""
        counts = Counter(note.kind for note in self.notes)
        parts = [f"{counts[kind]} {kind}" for kind in NOTE_KINDS if counts[kind]]
        head = f"{self.name}: {len(self.layers)} layers, {self.macs} MACs"
        lines = [head + (f"; notes: {', '.join(parts)}" if parts else "")]
        lines += [
            f"{note.kind}: {note.node}{f' ({note.op})' if note.op else ''}: {note.text}"
            for note in self.notes
            if note.kind in ("assumed", "unknown", "ignored")
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """Keys ``name, source, source_sha256, macs, layers, notes``."""
        return {
            "name": self.name,
            "source": self.source,
            "source_sha256": self.source_sha256,
            "macs": self.macs,
            "layers": [asdict(layer) for layer in self.layers],
            "notes": [asdict(note) for note in self.notes],
        }


def load_network(
    source: str | os.PathLike[str],
    *,
    batch: int | None = None,
    dims: Mapping[str, int] | None = None,
) -> Network:
    """Load a network by its name in the zoo, from an ``.onnx`` file or from a layer table (``.csv``).

    Args:
        source: A name of :func:`network_names` (``ResNet-18`` and ``resnet18`` are the same), or a path.
            Sizes
            that a network of the zoo leaves open may follow its name: ``bert_base@384``, or, by name,
            ``llama2_7b_decode@context=2048,batch=8``.
        batch: Inputs that are computed together. Default: what the file says, else 1.
        dims: Sizes of an ONNX model's open dimensions by name, or of any input's dimension as ``INPUT:AXIS``;
            of what a network of the zoo leaves open.

    Raises:
        AcadlError: The source cannot be found, read or understood; the message says what to write instead.
    """
    sizes = _checked_sizes(batch, dims)
    text = os.fspath(source)
    if not isinstance(text, str):
        raise AcadlError(f"a network is given by a name or a path, not by {type(source).__name__}")
    suffix = Path(text).suffix.lower()
    if suffix == ".onnx":
        from mappings.onnx_import import import_onnx

        return import_onnx(Path(text), batch=batch, dims=sizes)
    if suffix == ".csv":
        from mappings.layer_table import read_layer_table

        if batch is not None or sizes:
            raise AcadlError("a layer table holds its sizes itself; change its column N, not batch or dims")
        return read_layer_table(Path(text))
    if _in_zoo(text) and not isinstance(source, os.PathLike) and not os.path.exists(text):
        return _from_zoo(text, batch, sizes)  # a name may hold a slash: ViT-B/16
    if isinstance(source, os.PathLike) or re.search(r"[/\\]", text) or os.path.isfile(text):
        raise AcadlError(f"{shortened(text)} is neither an ONNX model (.onnx) nor a layer table (.csv)")
    return _from_zoo(text, batch, sizes)


def network_names() -> tuple[str, ...]:
    """Names of the networks that ship, sorted."""
    from mappings.zoo import builders

    return tuple(sorted(builders()))


def _checked_sizes(batch: int | None, dims: Mapping[str, int] | None) -> dict[str, int]:
    sizes = dict(dims or {})
    given = [*sizes.items()] if batch is None else [("batch", batch), *sizes.items()]
    for name, value in given:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise AcadlError(f"dimension '{name}' is {value!r}; a size is an integer of at least 1")
    return sizes


def _in_zoo(text: str) -> bool:
    from mappings.zoo import aliases, builders

    return _key(text.partition("@")[0]) in {_key(name) for name in (*builders(), *aliases())}


def _from_zoo(text: str, batch: int | None, dims: dict[str, int]) -> Network:
    from mappings.zoo import builders, open_dimensions

    given, _, sizes = text.partition("@")
    name = _zoo_name(given)
    builder = builders()[name]
    known = open_dimensions(builder)
    written = _written_sizes(text, sizes, known) if "@" in text else {}
    twice = sorted(set(written) & set(dims))
    if twice:
        raise AcadlError(f"{twice[0]} is given twice: in '{text}' and beside it")
    dims = {**dims, **written}
    shown = {key: dims[key] for key in (*known, "batch") if key in dims}
    also = dims.pop("batch", batch)
    if batch not in (None, also):
        raise AcadlError(f"batch is given twice: {batch} and {also}")
    if unknown := sorted(set(dims) - set(known)):
        raise AcadlError(
            f"'{name}' has no open dimension but {', '.join(('batch', *known))}; got {', '.join(unknown)}"
        )
    layers = builder(1 if also is None else also, **dims)
    return Network(_sized(name, shown), layers, source="zoo:" + _sized(name, {**known, **shown}))


def _sized(name: str, sizes: Mapping[str, int]) -> str:
    """``NAME@NAME=NUMBER,…``"""
    listed = ",".join(f"{key}={value}" for key, value in sizes.items())
    return f"{name}@{listed}" if listed else name


def _zoo_name(text: str) -> str:
    """The zoo's own spelling. Raises :class:`AcadlError` with the nearest name."""
    from mappings.zoo import aliases, builders

    known = builders()
    by_key = {_key(name): name for name in known} | {_key(other): name for other, name in aliases().items()}
    name = by_key.get(_key(text))
    if name is None:
        close = difflib.get_close_matches(_key(shortened(text)), list(by_key), n=1)
        near = f"; did you mean '{by_key[close[0]]}'?" if close else ""
        raise AcadlError(
            f"there is no network '{shortened(text)}'{near}; the zoo has {', '.join(sorted(known))}; "
            "a file ends in .onnx or .csv"
        )
    return name


def _written_sizes(text: str, sizes: str, known: Mapping[str, int]) -> dict[str, int]:
    """What follows the ``@`` of a name: one number for the first open dimension, or ``NAME=NUMBER,…``."""
    found: dict[str, int] = {}
    for part in sizes.split(","):
        key, sign, value = part.partition("=")
        if not sign:
            key, value = next(iter(known), "batch"), key
        if not re.fullmatch(r"[1-9][0-9]{0,8}", value.strip()) or key.strip() in found:
            example = f"{text.partition('@')[0]}@{next(iter(known), 'batch')}=64"
            raise AcadlError(
                f"'{shortened(sizes)}' after the @ of '{shortened(text)}' are no sizes; write {example}"
            )
        found[key.strip()] = int(value)
    return found


def _key(name: str) -> str:
    """Spelling-independent form: lower case, letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def suggestion(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """``; did you mean 'x'?`` for the nearest known name, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"; did you mean '{near[0]}'?" if near else ""
