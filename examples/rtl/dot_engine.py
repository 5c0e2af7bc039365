"""What the test bench computes: ``outputs`` dot products of ``length`` words each, in pieces of a buffer."""

from mappings import LoopProgram, Register, index, loop, memory, sequence, step
from mappings.cases import case_mapper

A, B, C = 0x0000, 0x4000, 0x8000  # where vectors and results lie, in words


@case_mapper("dot_engine")
def map_case(case, arch):
    outputs, length = case.integer("outputs"), case.integer("length")
    buffer_words = arch.parameters["buffer_words"]
    pieces = -(-length // buffer_words)
    o, p = index("output"), index("piece")

    def piece(number, words):
        slot = (pieces * o + number) % 2
        first = length * o + buffer_words * number  # its first word
        a, b = Register("a", slot), Register("b", slot)
        return sequence(
            step("load", buffer=a, src=memory(4 * (A + first), 4 * words), words=words),
            step("load", buffer=b, src=memory(4 * (B + first), 4 * words), words=words),
            step("mac", sum=Register("sum", o % 2), a=a, b=b, words=words),
        )

    last = pieces - 1  # may be shorter than the others
    parts = [loop("piece", last, piece(p, buffer_words))] if last else []
    parts += [piece(last, length - last * buffer_words)]
    parts += [step("store", dst=memory(4 * (C + o), 4), sum=Register("sum", o % 2))]
    return LoopProgram(loop("output", outputs, *parts), arch.operations)
