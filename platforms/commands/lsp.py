"""``acadl lsp``: the language server."""

from __future__ import annotations

import click


@click.command()
def command() -> None:
    """Serve an editor by the language server protocol, over standard input and output.

    Needs the extra `lsp`. Editors start this command themselves; docs/editor.md says how.
    """
    from acadl.errors import AcadlError
    from platforms.version import version

    try:
        from acadl.lsp.server import run
    except ImportError as error:
        raise AcadlError("the language server needs pygls: pip install 'acadl[lsp]'") from error
    run(version())
