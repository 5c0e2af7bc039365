"""Records behave like frozen data classes."""

from __future__ import annotations

import pytest

from acadl.records import Record


class Point(Record):
    x: int
    y: int = 0


class Pixel(Record):
    x: int
    y: int = 0


def test_fields_by_position_and_by_name() -> None:
    assert Point(1, 2) == Point(x=1, y=2) == Point(1, y=2)
    assert (Point(1).x, Point(1).y) == (1, 0)
    assert Point(1, 2).values() == (1, 2)
    assert Point(y=3, x=1).values() == (1, 3)


def test_equality_needs_the_same_class() -> None:
    assert Point(1, 2) != Pixel(1, 2)
    assert Point(1, 2) != Point(1, 3)
    assert len({Point(1, 2), Point(1, 2), Pixel(1, 2)}) == 2


def test_nothing_can_be_changed() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match="Point is immutable: cannot set 'x'"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="Point is immutable: cannot delete 'x'"):
        del point.x
    assert repr(point) == "Point(x=1, y=0)"


@pytest.mark.parametrize(
    ("values", "named"), [((), {}), ((1, 2, 3), {}), ((1,), {"z": 2}), ((1,), {"x": 1}), ((1, 2), {"z": 1})]
)
def test_wrong_fields_are_refused(values: tuple[int, ...], named: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Point takes x, y"):
        Point(*values, **named)
