"""Every choice of a mapping computes what NumPy computes; the default choice is the mapping's own program."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import acadl
from acadl.model import Architecture
from acadl.simulate_functions import execute
from acadl.state import ArchitecturalState
from mappings.choices import Space, map_choice, search_space
from mappings.layers import Layer
from mappings.registry import MappingError, library_module, map_layer, mapper
from tests.mappings.cases import SMALL, layers, machine
from tests.mappings.gemmini_cases import gemmini
from tests.mappings.oracle import random_operands, reference

MACHINES: dict[str, Architecture] = {
    "array_4x3": machine("array_4x3"),
    "gemmini_8x8": gemmini("8x8"),
    "gemmini_4x4": gemmini("4x4"),
    "gemmini_8x8_by_rows": gemmini("8x8 by rows"),
}

DEEP = Layer(name="l", op="gemm", gemm_M=11, gemm_N=19, gemm_K=40, bias=True)
MANY_ROWS = Layer(name="l", op="conv", C=5, H=6, W=5, K=9, R=3, S=2, pad_h=1, bias=True)


def computed(arch: Architecture, layer: Layer, choice: dict[str, int | str], simulated: bool) -> Any:
    """The layer's output, mapped as chosen."""
    module = library_module(arch.name)
    inputs, weights, bias = random_operands(layer, 1)
    data = module.prepare(layer, arch, inputs, weights, bias, choice)
    program = map_choice(layer, arch, choice)
    if simulated:
        return module.read_output(layer, arch, acadl.simulate(arch, program, data=data).state)
    state = ArchitecturalState(arch)
    for address, array in data.items():
        state.write_array(address, array)
    for instruction in program:
        execute(arch.operations[instruction.operation], instruction, state, program.functions)
    return module.read_output(layer, arch, state)


def choice_of(space: Space, data: st.DataObject) -> dict[str, int | str]:
    return {name: data.draw(st.sampled_from(values), name) for name, values in space.axes.items()}


@pytest.mark.parametrize("name", sorted(MACHINES))
@settings(max_examples=12)
@given(layer=layers() | st.sampled_from([DEEP, MANY_ROWS]), data=st.data())
def test_every_choice_computes_what_numpy_computes(name: str, layer: Layer, data: st.DataObject) -> None:
    """Generated layers, any choice; what does not fit is refused."""
    arch = MACHINES[name]
    try:
        space = search_space(layer, arch)
        choice = choice_of(space, data)
        if not choice:
            return
        found = computed(arch, layer, choice, simulated=False)
    except MappingError:
        return
    inputs, weights, bias = random_operands(layer, 1)
    assert (found == reference(layer, inputs, weights, bias)).all()


@pytest.mark.parametrize("name", ["array_4x3", "gemmini_8x8", "gemmini_8x8_by_rows"])
@pytest.mark.parametrize("order", ["columns outside", "pixels outside"])
def test_out_of_order_execution_keeps_the_order_of_data(name: str, order: str) -> None:
    """In the simulation functions run when units start."""
    arch, layer = MACHINES[name], MANY_ROWS
    choice = {**search_space(layer, arch).default, "order": order}
    if "stationary" in choice:
        choice |= {"stationary": "weights", "depth": 1}
    inputs, weights, bias = random_operands(layer, 1)
    assert (computed(arch, layer, choice, simulated=True) == reference(layer, inputs, weights, bias)).all()


@pytest.mark.parametrize("layer", [pytest.param(layer, id=name) for name, layer in SMALL.items()])
@pytest.mark.parametrize("name", sorted(MACHINES))
def test_the_default_choice_is_the_mappings_own(name: str, layer: Layer) -> None:
    """The same program, instruction by instruction."""
    arch = MACHINES[name]
    space = search_space(layer, arch)
    space.check(space.default)
    assert map_choice(layer, arch, space.default).body == map_layer(layer, arch).body


def test_choices_have_a_value_of_every_axis() -> None:
    """Missing, unknown, and wrong ones are told with what there is."""
    space = Space({"tile": (1, 2), "order": ("a", "b")}, {"tile": 1, "order": "b"})
    assert space.size == 4 and len(list(space.points())) == 4
    with pytest.raises(MappingError, match="a choice has values for tile, order; got tile"):
        space.check({"tile": 1})
    with pytest.raises(MappingError, match="'tile' is 3; there are: 1, 2"):
        space.check({"tile": 3, "order": "a"})
    with pytest.raises(MappingError, match="'order' is 'c'"):
        Space({"order": ("a",)}, {"order": "c"})


def test_a_mapping_without_choices_has_none() -> None:
    """Whether it declares none, or there is nothing to choose for a layer."""
    assert search_space(SMALL["gemm"], machine("oma")).size == 1
    assert search_space(SMALL["relu"], gemmini("8x8")).axes == {}


def test_choices_without_a_parameter_for_them_are_not_used() -> None:
    """The mapper has to take what is chosen."""
    module = library_module("gemmini")

    def two(layer: Layer, arch: Architecture) -> Any:
        return module.map_layer(layer, arch)

    two.__module__ = "mappings.library.gemmini"
    mapper("gemmini")(two)
    assert search_space(SMALL["gemm"], gemmini("8x8")).axes == {}
    mapper("gemmini")(module.map_layer)
