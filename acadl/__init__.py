"""ACADL: describe a computer architecture as text, get its graph of objects, simulate it.

>>> import acadl
>>> arch = acadl.load("oma.acadl")                         # doctest: +SKIP
>>> run = acadl.simulate(arch, program)                    # doctest: +SKIP

Everything here is loaded at first use; importing the package loads no third-party code.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acadl.building import Builder
    from acadl.diagnostics import DescriptionError, render
    from acadl.errors import (
        AcadlError,
        Diagnostic,
        Label,
        ProgramError,
        RoutingError,
        SimulationError,
        Span,
    )
    from acadl.loading import check, load, load_platform, loads
    from acadl.model import (
        DRAM,
        SRAM,
        ACADLObject,
        Architecture,
        CacheInterface,
        Controller,
        DataStorage,
        Edge,
        EdgeKind,
        ExecuteStage,
        FunctionalUnit,
        InstructionFetchStage,
        InstructionMemoryAccessUnit,
        MemoryAccessUnit,
        MemoryInterface,
        Mover,
        PipelineStage,
        RegisterFile,
        SetAssociativeCache,
    )
    from acadl.operations import AddressRange, Instruction, Operand, Operation
    from acadl.platform_model import PlatformDescription
    from acadl.simulation import simulate
    from acadl.state import ArchitecturalState

__all__ = [
    "DRAM",
    "SRAM",
    "ACADLObject",
    "AcadlError",
    "AddressRange",
    "ArchitecturalState",
    "Architecture",
    "Builder",
    "CacheInterface",
    "Controller",
    "DataStorage",
    "DescriptionError",
    "Diagnostic",
    "Edge",
    "EdgeKind",
    "ExecuteStage",
    "FunctionalUnit",
    "Instruction",
    "InstructionFetchStage",
    "InstructionMemoryAccessUnit",
    "Label",
    "MemoryAccessUnit",
    "MemoryInterface",
    "Mover",
    "Operand",
    "Operation",
    "PipelineStage",
    "PlatformDescription",
    "ProgramError",
    "RegisterFile",
    "RoutingError",
    "SetAssociativeCache",
    "SimulationError",
    "Span",
    "check",
    "load",
    "load_platform",
    "loads",
    "render",
    "simulate",
]

_MODULES = {
    "acadl.building": ("Builder",),
    "acadl.diagnostics": ("DescriptionError", "render"),
    "acadl.errors": (
        *("AcadlError", "Diagnostic", "Label", "ProgramError", "RoutingError", "SimulationError", "Span"),
    ),
    "acadl.loading": ("check", "load", "load_platform", "loads"),
    "acadl.model": (
        *("DRAM", "SRAM", "ACADLObject", "Architecture", "CacheInterface", "Controller", "DataStorage"),
        *("Edge", "EdgeKind", "ExecuteStage", "FunctionalUnit", "InstructionFetchStage"),
        *("InstructionMemoryAccessUnit", "MemoryAccessUnit", "MemoryInterface", "Mover", "PipelineStage"),
        *("RegisterFile", "SetAssociativeCache"),
    ),
    "acadl.platform_model": ("PlatformDescription",),
    "acadl.operations": ("AddressRange", "Instruction", "Operand", "Operation"),
    "acadl.simulation": ("simulate",),
    "acadl.state": ("ArchitecturalState",),
}


def __getattr__(name: str) -> object:
    if name == "draw":  # the one public subpackage
        return import_module("acadl.draw")
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'acadl' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
