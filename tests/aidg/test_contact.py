"""Who meets whom, and bounds of expressions: against trying everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from acadl.expressions import Binary, Call, Conditional, Const, Expr, ExpressionError, Name, Unary
from aidg.contact import Stream, Zone, first_contact, last_visit
from aidg.intervals import bounds, is_steady

ITERATIONS = 30
zones = st.tuples(st.integers(-60, 60), st.integers(1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))
streams = st.builds(Stream, zones, st.integers(-9, 9))


def touches(stream: Stream, iteration: int, zone: Zone) -> bool:
    low, high = (end + stream.step * iteration for end in stream.zone)
    return low < zone[1] and zone[0] < high


@given(streams, streams, st.integers(0, ITERATIONS), st.integers(0, ITERATIONS))
def test_first_contact(a: Stream, b: Stream, first: int, stop: int) -> None:
    def sides(iteration: int) -> tuple[bool, bool]:
        """Whether a lies before b, and b before a; neither where they touch."""
        (a_low, a_high), (b_low, b_high) = (
            tuple(end + stream.step * iteration for end in stream.zone) for stream in (a, b)
        )
        return a_high <= b_low, b_high <= a_low

    apart = [any(sides(k)) and sides(k) == sides(first) for k in range(first, stop)]
    found = first_contact(a, b, first, stop)
    assert found == next((k for k, is_apart in enumerate(apart, first) if not is_apart), stop)


def test_streams_that_jump_over_each_other_have_passed() -> None:
    a, b = Stream((49, 51), -3), Stream((-35, -28), 8)
    assert not any(touches(a, k, (b.zone[0] + 8 * k, b.zone[1] + 8 * k)) for k in range(2, 26))
    assert first_contact(a, b, 2, 26) == 8


@given(streams, zones, st.integers(0, ITERATIONS))
def test_last_visit(stream: Stream, zone: Zone, before: int) -> None:
    visits = [iteration for iteration in range(before) if touches(stream, iteration, zone)]
    assert last_visit(stream, zone, before) == max(visits, default=-1)


# -- expressions ---------------------------------------------------------------------------------------------


def _deeper(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    operators = ["+", "-", "*", "/", "%", "<<", "==", "!=", "<", "<=", ">", ">=", "and", "or"]
    return st.one_of(
        st.builds(Unary, st.sampled_from(["-", "not"]), inner),
        st.builds(Binary, st.sampled_from(operators), inner, inner),
        st.builds(Call, st.sampled_from(["min", "max", "ceil_div"]), st.tuples(inner, inner)),
        st.builds(Call, st.just("abs"), st.tuples(inner)),
        st.builds(Conditional, inner, inner, inner),
    )


leaves: st.SearchStrategy[Expr] = st.one_of(
    st.integers(-4, 4).map(Const), st.sampled_from([Name("n"), Name("m")])
)
expressions = st.recursive(leaves, _deeper, max_leaves=6)
ranges = st.tuples(st.integers(-5, 5), st.integers(0, 5)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def value(expression: Expr, n: int, m: int) -> int | None:
    try:
        return expression.evaluate({"n": n, "m": m})
    except ExpressionError:
        return None


@given(expressions, ranges, ranges)
def test_bounds_hold_every_value(expression: Expr, n: Zone, m: Zone) -> None:
    reached = bounds(expression, {"n": n, "m": m})
    if reached is not None:
        for a in range(n[0], n[1] + 1):
            for b in range(m[0], m[1] + 1):
                found = value(expression, a, b)
                assert found is None or reached[0] <= found <= reached[1]


@given(expressions, ranges, ranges)
def test_steady_expressions_do_not_change(expression: Expr, n: Zone, m: Zone) -> None:
    if is_steady(expression, {"n": n, "m": m}, {"n"}):
        for b in range(m[0], m[1] + 1):
            values = {value(expression, a, b) for a in range(n[0], n[1] + 1)} - {None}
            assert len(values) <= 1


def test_what_is_steady() -> None:
    names = {"n": (6, 1000), "m": (0, 3)}
    bounded = Call("min", (Name("n"), Const(5)))
    assert is_steady(Binary("+", bounded, Name("m")), names, {"n"})
    assert is_steady(Conditional(Binary("<", Name("n"), Const(4)), Name("n"), Name("m")), names, {"n"})
    assert not is_steady(Binary("+", Name("n"), Name("m")), names, {"n"})
