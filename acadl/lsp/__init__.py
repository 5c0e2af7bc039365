"""The language server (``acadl lsp``, extra ``lsp``): what editors show while a description is being written.

:mod:`acadl.lsp.server` speaks the protocol and knows nothing of the language; the other modules know the
language and nothing of the protocol.
"""
