"""Functions on data of a mapping, imported (with NumPy) when the first instruction is executed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from acadl.errors import SimulationError
from acadl.operations import Instruction
from mappings.program import DataFunction


def data_functions(module: str, names: Iterable[str]) -> Mapping[str, DataFunction]:
    """By mnemonic, what the table ``FUNCTIONS`` of ``mappings.library.MODULE`` has under that name."""
    return {name: _function(module, name) for name in names}


def timed_only(names: Iterable[str]) -> Mapping[str, DataFunction]:
    """Functions of instructions that stand for any operator: they say that there is nothing to compute."""
    return dict.fromkeys(names, _no_data)


def _no_data(state: object, instruction: Instruction) -> None:
    raise SimulationError(
        f"'{instruction.operation}' stands for any operator that runs on the general-purpose unit; "
        "it is modelled in time only"
    )


def _function(module: str, name: str) -> DataFunction:
    def call(state: Any, instruction: Instruction) -> None:
        importlib.import_module(f"mappings.library.{module}").FUNCTIONS[name](state, instruction)

    return call
