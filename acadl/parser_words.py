"""Kinds of words that the parser treats alike."""

from __future__ import annotations

from collections.abc import Mapping

OPENING: Mapping[str, str] = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSING: Mapping[str, str] = {closing: opening for opening, closing in OPENING.items()}
COMPONENTS = frozenset({"ARCHITECTURE", "PLATFORM", "TEMPLATE"})  # headers with parameters
HEADERS = COMPONENTS | frozenset({"OPERATIONS", "KIND", "FOR", "IF", "ELSE"})
STATEMENTS = HEADERS | {"CLOCK", "CONST", "IMPORT", "OPEN", "REQUIRE"}
ARROWS = frozenset({"FORWARD", "DATA", "BOTH"})
CLOSING_SIGNS = frozenset(")]}")
