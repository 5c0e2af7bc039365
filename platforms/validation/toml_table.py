"""Tables of a TOML file, read with messages that say which key is wrong and what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from acadl.errors import nearest
from platforms.validation.conditions import Condition, ConditionError, parse_condition
from platforms.validation.events import TraceError


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file; ``place`` is what messages call it."""

    file: str
    place: str
    data: Mapping[str, Any]

    def error(self, key: str, message: str) -> TraceError:
        return TraceError(f"{self.file}: {self.place}{key}: {message}")

    def only(self, *keys: str) -> None:
        for key in self.data:
            if key not in keys:
                raise self.error(key, f"an unknown key{nearest(key, keys)} (known: {', '.join(keys)})")

    def table(self, key: str) -> Table:
        value = self.data[key]
        if not isinstance(value, dict):
            raise self.error(key, f"expected a table [{key}], found {value!r}")
        return Table(self.file, f"{self.place}{key}.", value)

    def tables(self, key: str) -> list[Table]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(key, f"expected tables [[{key}]]")
        return [Table(self.file, f"{key} {number}: ", item) for number, item in enumerate(value, 1)]

    def text(self, key: str) -> str:
        value = self.data.get(key)
        if not isinstance(value, str) or not value:
            raise self.error(key, f"expected a text, found {'nothing' if value is None else repr(value)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A text or a list of them; none by default."""
        value = self.data.get(key, [])
        found = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) and item for item in found):
            raise self.error(key, f"expected a text or a list of texts, found {value!r}")
        return tuple(found)

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        """One of the choices."""
        value = self.text(key)
        if value not in choices:
            raise self.error(key, f"expected {' or '.join(choices)}, found '{value}'")
        return value

    def integer(self, key: str) -> int:
        value = self.data.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(key, f"expected a whole number, found {value!r}")
        return value

    def truth(self, key: str) -> bool:
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, f"expected true or false, found {value!r}")
        return value

    def condition(self, key: str) -> Condition | None:
        if key not in self.data:
            return None
        try:
            return parse_condition(self.text(key))
        except ConditionError as error:
            raise self.error(key, str(error)) from None
