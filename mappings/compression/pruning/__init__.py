"""Structured pruning of convolutional networks given as ``torch.nn.Module``; needs the extra ``train``.

    module ──trace──▶ Traced ──couple──▶ Coupling ──method──▶ zeros ──slim──▶ smaller module ──▶ Network

Every part is imported where it is used: ``from mappings.compression.pruning.trace import trace``.
"""
