"""Hypothesis strategies for small machines and small loop programs that run on them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from acadl.model import Architecture
from mappings.program import LoopProgram
from tests.strategies_machines import architectures
from tests.strategies_programs import programs


@dataclass(frozen=True)
class Case:
    """A machine and a program for it."""

    arch: Architecture
    program: LoopProgram


@st.composite
def cases(draw: st.DrawFn, max_instructions: int = 400, *, index_latencies: bool = False) -> Case:
    """Machines with programs; with ``index_latencies`` immediates may depend on loop indices."""
    unified = draw(st.booleans())
    program = programs(max_instructions, unified, index_latencies)
    return Case(draw(architectures(unified)), draw(program))
