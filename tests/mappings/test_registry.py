"""Which mapper is found, and what is said when none is."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import acadl
from acadl.model import Architecture
from mappings import registry
from mappings.layer_table import parse_layer_table
from mappings.layers import Layer
from mappings.program import LoopProgram, sequence
from mappings.registry import MappingError, find_mapper, map_layer, mapper, mapper_names, unsupported
from tests.mappings.cases import LIBRARY, machine

RELU = Layer(name="r", op="relu", C=4)
MAPPINGS = Path(registry.__file__).parent / "library"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A copy of the table that a test may write to."""
    copy = dict(registry._registered)
    monkeypatch.setattr(registry, "_registered", copy)
    return copy


def empty(name: str) -> Architecture:
    """An architecture of that name and nothing else."""
    return Architecture(name, {}, (), {})


def nothing(layer: Layer, arch: Architecture) -> LoopProgram:
    """A mapper that does nothing."""
    return LoopProgram(sequence(), {}, f"{layer.name} on {arch.name}")


def test_every_mapping_module_registers_its_name() -> None:
    """Modules without an underscore are found by looking; each has a description and data."""
    names = {path.stem for path in MAPPINGS.glob("*.py") if not path.stem.startswith("_")}
    assert {"oma", "systolic_array"} <= names
    assert names <= set(mapper_names())
    for name in names:
        assert find_mapper(name).__module__.startswith("mappings.library.")
        assert (LIBRARY / f"{name}.acadl").exists()
        module = registry.library_module(name)
        if name in ("axis_sa", "picorv32"):  # operands are streams, in no memory; programs bring their data
            continue
        assert {"functions", "prepare", "read_output"} <= set(vars(module))


def test_looking_for_names_imports_no_mapping() -> None:
    """Names are listed without the mappings' modules, and without NumPy."""
    code = (
        "import sys, mappings.registry as r; r.mapper_names(); "
        "print(sorted(m for m in sys.modules if m.startswith(('mappings.library.', 'numpy'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_mapping_needs_no_numpy() -> None:
    """NumPy is imported when data are computed, not when a layer is mapped."""
    code = (
        "import sys; from mappings.registry import find_mapper; "
        "[find_mapper(n) for n in ('oma', 'systolic_array')]; print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_decorated_function_is_found(table: dict[str, Any]) -> None:
    """Importing a module with the decorator is all that a third party needs; the last one wins."""
    mapper("toy")(nothing)
    assert map_layer(RELU, empty("toy")).name == "r on toy"
    assert "toy" in mapper_names()

    @mapper("toy")
    def other(layer: Layer, arch: Architecture) -> LoopProgram:
        return LoopProgram(sequence(), {}, "other")

    assert map_layer(RELU, empty("toy")).name == "other"


def test_a_decorated_function_replaces_a_shipped_one(table: dict[str, Any]) -> None:
    """A user's mapper for a shipped architecture is preferred."""
    mapper("oma")(nothing)
    assert map_layer(RELU, machine("oma")).name == "r on oma"


def test_unknown_architectures_are_answered_with_near_names() -> None:
    """What was asked for, what is near, what there is, what to do."""
    with pytest.raises(MappingError) as caught:
        map_layer(RELU, empty("sistolic_array"))
    text = str(caught.value)
    assert "no mapping for architecture 'sistolic_array' (did you mean 'systolic_array'?)" in text
    assert "there are mappings for:" in text
    assert "oma" in text
    assert '@mapper("sistolic_array")' in text


@pytest.mark.parametrize("name", ["_memory", "library.oma", "../oma", "", "__init__"])
def test_only_plain_names_reach_the_library(name: str) -> None:
    """Shared modules and paths are no architectures."""
    with pytest.raises(MappingError, match="no mapping for architecture"):
        find_mapper(name)


def entry(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Pretend that an installed package has the entry point ``foreign = value``."""
    points = [EntryPoint("foreign", value, registry.ENTRY_POINT_GROUP)]

    def entry_points(*, group: str) -> list[EntryPoint]:
        assert group == "acadl.mappings"
        return points

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)


def test_entry_point_of_a_module(
    table: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The module registers by the decorator when it is loaded."""
    (tmp_path / "foreign_mapping.py").write_text(
        "from mappings.program import LoopProgram, sequence\n"
        "from mappings.registry import mapper\n"
        "@mapper('foreign')\n"
        "def map_layer(layer, arch):\n"
        "    return LoopProgram(sequence(), {}, 'from the module')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry(monkeypatch, "foreign_mapping")
    assert "foreign" in mapper_names()
    assert map_layer(RELU, empty("foreign")).name == "from the module"


def test_entry_point_of_a_function(
    table: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A function without the decorator is registered under the entry's name."""
    (tmp_path / "foreign_function.py").write_text(
        "from mappings.program import LoopProgram, sequence\n"
        "def lower(layer, arch):\n"
        "    return LoopProgram(sequence(), {}, 'from the function')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry(monkeypatch, "foreign_function:lower")
    assert map_layer(RELU, empty("foreign")).name == "from the function"


def test_entry_points_that_do_not_work_say_why(
    table: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A module that is missing, and one that registers nothing."""
    entry(monkeypatch, "not_there_at_all")
    with pytest.raises(MappingError, match=r"entry point 'foreign' .*cannot be loaded .*not_there_at_all"):
        find_mapper("foreign")
    (tmp_path / "foreign_empty.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    entry(monkeypatch, "foreign_empty")
    with pytest.raises(MappingError, match="registers no mapper for 'foreign'"):
        find_mapper("foreign")


def test_layers_that_make_no_sense_are_refused() -> None:
    """The problem is found before a mapper sees the layer."""
    layer = Layer(name="c", op="conv", C=4, H=4, W=4, K=4, groups=3)
    with pytest.raises(MappingError, match=r"layer 'c' \(conv\): groups is 3, which does not divide C = 4"):
        map_layer(layer, machine("oma"))


def test_unsupported_operator_is_named_with_what_is_near() -> None:
    """For mappers that have no general-purpose unit."""
    error = unsupported(Layer(name="x", op="convv"), "toy", ["gemm", "conv"])
    assert str(error) == (
        "layer 'x': 'toy' cannot run operator 'convv' (did you mean 'conv'?); supported: conv, gemm"
    )


def test_operands_that_do_not_fit_are_counted() -> None:
    """The message names the layer, its arrays, the memory and its size."""
    layer = Layer(name="big", op="gemm", gemm_M=10, gemm_N=20, gemm_K=30)
    needed = 320 + 640 + 200  # input and weights end at multiples of 64
    enough = acadl.load(LIBRARY / "systolic_array.acadl", memory_size=needed)
    assert map_layer(layer, enough).instruction_count > 0
    small = acadl.load(LIBRARY / "systolic_array.acadl", memory_size=needed - 1)
    with pytest.raises(MappingError) as caught:
        map_layer(layer, small)
    text = str(caught.value)
    assert "layer 'big' (gemm) needs 1,160 bytes of memory (input 300, weights 600, output 200)" in text
    assert "'memory' holds 1,159" in text


def test_a_description_without_the_mappings_parameter_is_refused() -> None:
    """An own description under a shipped name has to have the parameters that the mapping reads."""
    arch = machine("array_16x16")
    parameters = {name: value for name, value in arch.parameters.items() if name != "stream"}
    other = Architecture(arch.name, arch.objects, arch.edges, arch.operations, parameters)
    with pytest.raises(MappingError, match="reads its parameter 'stream', a positive integer; it is None"):
        map_layer(Layer(name="g", op="gemm", gemm_M=1, gemm_N=1, gemm_K=1), other)


def test_an_architecture_without_memory_is_refused() -> None:
    """There is nowhere to put the operands."""
    with pytest.raises(MappingError, match="architecture 'oma' has no memory"):
        map_layer(RELU, empty("oma"))


def test_operators_of_a_mapper_are_known_to_layer_tables(
    table: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only after the mapper is there; an operator that nobody has stays an error with the nearest name."""
    monkeypatch.setattr(registry, "_own_operators", set())
    text = "layer,op,C,operands\na,shrinkage,4,2\n"
    with pytest.raises(acadl.AcadlError, match="'shrinkage' is not an operator"):
        parse_layer_table(text)
    mapper("theirs", operators=["shrinkage"])(nothing)
    (layer,), _ = parse_layer_table(text)
    assert (layer.op, layer.input_elements, layer.output_elements) == ("shrinkage", 8, 4)
    with pytest.raises(acadl.AcadlError, match="did you mean 'shrinkage'"):
        parse_layer_table(text.replace("shrinkage", "shrinkag"))
