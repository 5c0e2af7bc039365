"""Sizes that a layer derives from its shape, and shapes that make no sense."""

from __future__ import annotations

import pytest

from mappings.layers import Layer, layer_problems


def test_convolution_counts_every_tap_of_every_group():
    """MACs are outputs times taps per output; the padded ones count."""
    layer = Layer(name="c", op="conv", C=8, H=5, W=7, K=6, R=3, S=2, pad_h=1, groups=2, stride_w=2)
    assert (layer.OH, layer.OW) == (5, 3)
    assert layer.macs == 5 * 3 * 6 * (8 // 2) * 3 * 2
    assert (layer.input_elements, layer.weight_elements, layer.output_elements) == (280, 144, 90)


@pytest.mark.parametrize(("size", "expected"), [(7, 3), (8, 4), (9, 4)])
def test_ceil_mode_rounds_up_only_where_a_window_is_left(size: int, expected: int):
    """A 3-wide window with stride 2 has a partial last position for even sizes."""
    assert (
        expected
        == Layer(name="p", op="maxpool", C=1, H=size, W=size, R=3, S=3, stride_h=2, ceil_mode=True).OH
    )


def test_ceil_mode_drops_a_window_that_starts_in_the_end_padding():
    """Size 1, kernel 1, stride 2, padding 0 and 2: the second window would see padding alone."""
    layer = Layer(name="p", op="maxpool", H=1, W=1, R=1, S=1, stride_h=2, pad_h_end=2, ceil_mode=True)
    assert layer.OH == 1
    assert Layer(name="p", op="maxpool", H=1, W=1, R=1, S=1, stride_h=2, pad_h_end=2).OH == 2


def test_asymmetric_padding_counts_both_ends():
    """An end padding of its own replaces the one before, 0 included."""
    shape = {"op": "conv", "C": 1, "H": 6, "W": 6, "K": 1, "R": 3, "S": 3, "pad_h": 1, "pad_w": 1}
    layer = Layer(name="c", pad_h_end=0, pad_w_end=2, **shape)
    assert (layer.OH, layer.OW) == (5, 7)


def test_transposed_convolution_scatters_its_input():
    """Output size and MACs by the input's positions."""
    layer = Layer(
        name="t", op="convtranspose", C=4, H=5, W=5, K=6, R=3, S=3, stride_h=2, stride_w=2, pad_h=1, pad_w=1,
        output_pad_h=1, groups=2,
    )  # fmt: skip
    assert (layer.OH, layer.OW) == (10, 9)
    assert layer.macs == 25 * 4 * 3 * 9
    assert layer.weight_elements == 4 * 3 * 9


def test_explicit_sizes_replace_those_of_the_shape():
    """Operands of different shapes, as in a broadcast or a concatenation."""
    layer = Layer(name="a", op="add", C=8, H=4, W=4, operands=2, in_elements=136, param_elements=3)
    assert (layer.input_elements, layer.output_elements, layer.weight_elements) == (136, 128, 3)
    assert Layer(name="a", op="concat", C=8, operands=3).output_elements == 24


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"C": 0}, "C", "C is 0; it must be at least 1"),
        ({"pad_w": -1}, "pad_w", "pad_w is -1; it must not be negative"),
        ({"C": 6, "K": 8, "groups": 4}, "groups", "groups is 4, which does not divide C = 6"),
        ({"C": 8, "K": 6, "groups": 4}, "groups", "groups is 4, which does not divide K = 6"),
        ({"H": 4, "R": 5}, "R", "the window is 5 high, more than the padded input, 4"),
        ({"W": 4, "S": 3, "dilation_w": 2}, "S", "the window is 5 wide, more than the padded input, 4"),
    ],
)
def test_meaningless_convolutions_are_named(fields: dict[str, int], field: str, text: str):
    """Each problem names the field that a user would change."""
    assert layer_problems(Layer(name="x", op="conv", **fields)) == ((field, text),)


@pytest.mark.parametrize(
    ("layer", "field", "text"),
    [
        (
            Layer(name="x", op="dwconv", C=8, K=8),
            "groups",
            "groups is 1; a depthwise convolution has one per channel, C = 8",
        ),
        (Layer(name="x", op="gemm", gemm_M=1, gemm_N=1), "gemm_K", "gemm_K is 0; gemm needs at least 1"),
        (
            Layer(name="x", op="conv1d", W=9, S=3, H=2),
            "H",
            "H is 2; a one-dimensional convolution runs along W and has H = R = 1",
        ),
        (
            Layer(name="x", op="transpose", perm=(0, 1, 1, 3)),
            "perm",
            "perm is (0, 1, 1, 3); it must have each of the axes 0, 1, 2, 3 once",
        ),
        (Layer(name="x", op="convtranspose", pad_h=1), "pad_h", "pad_h leaves an output height of -1"),
    ],
)
def test_meaningless_sizes_of_other_operators_are_named(layer: Layer, field: str, text: str):
    """What depends on the operator."""
    assert layer_problems(layer) == ((field, text),)


def test_a_window_as_large_as_the_padded_input_is_fine():
    """The other side of the boundary: one output."""
    layer = Layer(name="x", op="conv", C=3, H=3, W=4, K=2, R=5, S=4, pad_h=1)
    assert layer_problems(layer) == ()
    assert (layer.OH, layer.OW) == (1, 1)
