"""What is wrong with an ONNX file is said; open dimensions are chosen or asked for; nothing else gets out."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acadl.errors import AcadlError
from mappings.network import Network, load_network

onnx = pytest.importorskip("onnx")
np = pytest.importorskip("numpy")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
ImportModel = Callable[..., Network]

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def node(op: str, inputs: str, output: str = "y", **attributes: Any) -> Any:
    """A node that is called like its output."""
    return helper.make_node(op, inputs.split(), output.split(), name=output, **attributes)


def model(nodes: list[Any], inputs: dict[str, list[Any]], constants: dict[str, Any] | None = None) -> Any:
    """A model of some nodes; arrays are initializers."""
    values = [helper.make_tensor_value_info(name, 1, shape) for name, shape in inputs.items()]
    initializers = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(nodes, "g", values, [onnx.ValueInfoProto(name="y")], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])


def bert_like() -> Any:
    """Two inputs over a batch and a sequence."""
    nodes = [node("Add", "ids mask", "s"), node("MatMul", "s w", "m"), node("Softmax", "m")]
    return model(
        nodes, {"ids": ["batch", "seq", 8], "mask": ["batch", "seq", 1]}, {"w": np.ones((8, 4), np.float32)}
    )


# -------------------- files --------------------


def test_missing_file_gets_the_nearest_name(tmp_path: Path):
    """Among the models beside it."""
    (tmp_path / "resnet50.onnx").write_bytes(b"x")
    with pytest.raises(
        AcadlError, match=r"there is no file .*resnet05\.onnx; did you mean 'resnet50\.onnx'\?"
    ):
        load_network(tmp_path / "resnet05.onnx")
    with pytest.raises(AcadlError, match=r"there is no file .*missing.a\.onnx$"):
        load_network(tmp_path / "missing" / "a.onnx")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04" + b"\x00" * 40, "is not an ONNX model"),
        (b"<!DOCTYPE html><html></html>", "is not an ONNX model"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "is a Git LFS pointer, .* git lfs pull",
        ),
        (b"\x08\x07", "holds no graph"),
    ],
)
def test_files_that_are_no_model(tmp_path: Path, data: bytes, text: str):
    """Said in the terms of what a user has in hand."""
    path = tmp_path / "a.onnx"
    path.write_bytes(data)
    with pytest.raises(AcadlError, match=rf"a\.onnx {text}"):
        load_network(path)


def test_a_file_that_is_cut_off_says_how_much_is_missing(tmp_path: Path):
    """As after an interrupted download."""
    data = (LIGHT / "light_squeezenet.onnx").read_bytes()
    path = tmp_path / "half.onnx"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AcadlError, match=rf"cut off: \d+ bytes are announced, {len(data) // 2} are there"):
        load_network(path)


def test_directories_and_other_endings(tmp_path: Path):
    """Neither a model nor a table."""
    (tmp_path / "d.onnx").mkdir()
    with pytest.raises(AcadlError, match="cannot be read"):
        load_network(tmp_path / "d.onnx")
    with pytest.raises(
        AcadlError, match=r"net\.pb is neither an ONNX model \(\.onnx\) nor a layer table \(\.csv\)"
    ):
        load_network(tmp_path / "net.pb")
    with pytest.raises(AcadlError, match="by a name or a path, not by bytes"):
        load_network(b"alexnet")  # type: ignore[arg-type]


def test_without_the_package_the_extra_is_named(tmp_path: Path):
    """In a process in which importing onnx fails."""
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "from mappings.network import load_network\n"
        "from acadl.errors import AcadlError\n"
        "try: load_network('a.onnx')\n"
        "except AcadlError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "reading ONNX models needs the package onnx: pip install 'acadl[onnx]'"


# -------------------- graphs --------------------


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([node("Relu", "a", "b"), node("Relu", "b", "c"), node("Add", "c x", "a"), node("Relu", "x")],
         "the graph has a cycle: 'b' → 'c' → 'a' → 'b'; an ONNX graph must not have one"),
        ([node("Relu", "y")], "the graph has a cycle: 'y' → 'y'"),
        ([node("Relu", "q")], r"'y' \(Relu\) reads tensor 'q', which no node, input or initializer makes$"),
        ([node("Relu", "hidden", "hidden_1"), node("Relu", "hidden_1")], "did you mean 'hidden_1'"),
        ([node("Relu", "x"), node("Abs", "x")], "tensor 'y' is made by node 'y_2' and by node 'y'"),
        ([node("Relu", "x", "x"), node("Relu", "x")], "tensor 'x' is made by node 'x' and by an input"),
        ([node("Relu", "x", "z")], "the graph's output 'y' is not made by any node"),
        ([node("", "x")], "node 'y' names no operator"),
        ([node("Relu", "x x")], r"node 'y' \(Relu\): .*has input size 2 not in range"),
        ([node("Transpose", "x", perm=[0])], r"node 'y' \(Transpose\): attribute perm has 1 numbers, not 2"),
        ([node("Concat", "x x", axis=5)], r"\(Concat\): axis 5 is outside its input, which has 2 dimensions"),
        ([node("Einsum", "x", equation="i.j")], r"node 'y' \(Einsum\): 'i\.j' is not an equation"),
        ([node("LayerNormalization", "x x", axis=2)], "axis 2 is outside"),
        ([node("LayerNormalization", "x x", axis=-3)], "axis -3 is outside"),
        ([node("GatherND", "x x", batch_dims=1 << 40)], "batch_dims 1099511627776 is outside"),
        ([node("Split", "x", num_outputs=1 << 40)], "num_outputs is 1099511627776, but it has 1 outputs"),
    ],
)  # fmt: skip
def test_graphs_that_are_not_valid(import_model: ImportModel, nodes: list[Any], text: str):
    """The node and the tensor are named."""
    graph = model(nodes, {"x": [2, 8]})
    if nodes[0].op_type in ("LayerNormalization", "Split"):
        graph.opset_import[0].version = 18
    with pytest.raises(AcadlError, match=text):
        import_model(graph)


def test_operator_set_versions(import_model: ImportModel):
    """Missing, and beyond any number that a version has."""
    graph = model([node("Relu", "x")], {"x": [1, 8]})
    graph.opset_import[0].version = 1 << 40
    with pytest.raises(AcadlError, match="version 1099511627776 of the operator set '' does not exist"):
        import_model(graph)
    del graph.opset_import[:]
    with pytest.raises(AcadlError, match=r"names no version of the ONNX operator set \(opset_import\)"):
        import_model(graph)


@pytest.mark.parametrize(("size", "fits"), [(2**31 - 1, True), (2**31, False)])
def test_sizes_that_no_network_has(import_model: ImportModel, size: int, fits: bool):
    """Larger ones are a sign of damage, and overflow elsewhere."""
    graph = model([node("Relu", "x")], {"x": [1, size]})
    if fits:
        assert import_model(graph).layers[0].input_elements == size
        return
    with pytest.raises(
        AcadlError, match=r"tensor 'x' has the shape \[1, 2147483648\]; no network has such sizes"
    ):
        import_model(graph)


def test_functions_that_call_themselves(import_model: ImportModel):
    """Expanding them would not end."""
    graph = model([helper.make_node("F", ["x"], ["y"], domain="own")], {"x": [1, 8]})
    graph.opset_import.append(helper.make_opsetid("own", 1))
    body = [helper.make_node("F", ["a"], ["b"], domain="own")]
    graph.functions.append(
        helper.make_function("own", "F", ["a"], ["b"], body, [helper.make_opsetid("own", 1)])
    )
    with pytest.raises(AcadlError, match="the model's functions call themselves: F"):
        import_model(graph)


def test_names_that_are_no_text(tmp_path: Path):
    """Invalid UTF-8 where a name should be."""
    data = model(
        [node("Relu", "x", "name_of_y"), node("Relu", "name_of_y")], {"x": [1, 8]}
    ).SerializeToString()
    path = tmp_path / "a.onnx"
    path.write_bytes(data.replace(b"name_of_y", b"name\xff\xfe_yy"))
    with pytest.raises(AcadlError, match="is damaged: a name in it is not UTF-8 text"):
        load_network(path)


# -------------------- sizes --------------------


def test_an_open_batch_is_one_with_a_note(import_model: ImportModel):
    """Or what is asked for, in any of three ways."""
    graph = model([node("Relu", "x")], {"x": ["N", 8]})
    network = import_model(graph)
    assert network.layers[0].N == 1
    assert [(n.node, n.text) for n in network.notes_of("assumed")] == [
        ("x", "the batch dimension 'N' is open: 1 is taken")
    ]
    assert "assumed: x: the batch dimension 'N' is open: 1 is taken" in network.report()
    for sizes in ({"batch": 4}, {"dims": {"batch": 4}}, {"dims": {"N": 4}}, {"dims": {"x:0": 4}}):
        network = import_model(graph, **sizes)
        assert (network.layers[0].N, network.notes) == (4, ())


def test_named_dimensions_are_one_size_everywhere(import_model: ImportModel):
    """Sequence and batch of two inputs."""
    network = import_model(bert_like(), batch=2, dims={"seq": 16})
    add, product, softmax = network.layers
    assert (add.N, add.C, add.W, add.input_elements) == (2, 16, 8, 2 * 16 * 9)
    assert (product.gemm_M, softmax.N, softmax.C) == (32, 32, 4)
    assert network.layers == import_model(bert_like(), dims={"batch": 2, "seq": 16}).layers


def test_other_open_dimensions_are_asked_for(import_model: ImportModel):
    """With what to write."""
    with pytest.raises(
        AcadlError, match=r"dimensions are open: 'seq' of ids:1; give their sizes: dims=\{\"seq\": …\}"
    ):
        import_model(bert_like())
    graph = model([node("Relu", "x")], {"x": ["N", 8, None]})
    with pytest.raises(AcadlError, match=r"dimensions are open: x:2; give their sizes: dims=\{\"x:2\": …\}"):
        import_model(graph)
    assert import_model(graph, dims={"x:2": 5}).layers[0].input_elements == 40


def test_a_dimension_that_is_not_there(import_model: ImportModel):
    """The nearest one and all of them."""
    with pytest.raises(
        AcadlError, match=r"no open dimension 'sequ'; did you mean 'seq'\?; it has batch, seq; .*ids:0"
    ):
        import_model(bert_like(), dims={"sequ": 16})


def test_a_batch_given_twice(import_model: ImportModel):
    """Two sizes cannot both hold."""
    graph = model([node("Relu", "x")], {"x": ["N", 8]})
    with pytest.raises(AcadlError, match="batch is given twice: 2 and 3"):
        import_model(graph, batch=2, dims={"batch": 3})


def test_a_fixed_batch_can_be_changed():
    """VGG-19 says 1 throughout; its flattening fixes it too, and is named."""
    with pytest.raises(
        AcadlError, match=r"\(Reshape\): its input has the shape \[4, 512, 7, 7\].*the model fixes it here"
    ):
        load_network(LIGHT / "light_vgg19.onnx", batch=4)
    one, four = (load_network(LIGHT / "light_squeezenet.onnx", batch=batch) for batch in (1, 4))
    assert four.macs == 4 * one.macs


def test_the_resolution_of_an_input_can_be_changed():
    """Any dimension by its input and position."""
    network = load_network(LIGHT / "light_squeezenet.onnx", dims={"data_0:2": 160, "data_0:3": 160})
    assert (network.layers[0].H, network.layers[0].OH) == (160, 79)


def test_source_and_hash(tmp_path: Path):
    """Of the file's bytes; the network has the file's name."""
    data = model([node("Relu", "x")], {"x": [1, 8]}).SerializeToString()
    path = tmp_path / "small.onnx"
    path.write_bytes(data)
    network = load_network(str(path))
    import hashlib

    assert (network.name, network.source) == ("small", str(path))
    assert network.source_sha256 == hashlib.sha256(data).hexdigest()


# -------------------- damage --------------------


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A file that is cut off, or has bytes changed, removed or added."""
    found = bytearray(data)
    kind = chance.randrange(4)
    position = chance.randrange(len(found))
    if kind == 0:
        return bytes(found[:position])
    if kind == 1:
        for _ in range(chance.randrange(1, 6)):
            found[chance.randrange(len(found))] = chance.randrange(256)
    elif kind == 2:
        del found[position : position + chance.randrange(1, 30)]
    else:
        found[position:position] = chance.randbytes(chance.randrange(1, 10))
    return bytes(found)


def check_damage(path: Path, seed: int, count: int) -> tuple[int, int]:
    """Load damaged models; how many were still read, and how many refused."""
    chance = random.Random(seed)
    originals = [bert_like().SerializeToString(), (LIGHT / "light_zfnet512.onnx").read_bytes()]
    originals.append((LIGHT / "light_shufflenet.onnx").read_bytes())
    read = refused = 0
    for _ in range(count):
        path.write_bytes(damaged(chance.choice(originals), chance))
        try:
            load_network(path, dims=chance.choice([None, {"seq": 3}]))
            read += 1
        except AcadlError as error:
            assert str(error)  # noqa: PT017 - both outcomes are fine, a third is not
            refused += 1
    return read, refused


def test_damaged_files_are_refused_or_read(tmp_path: Path):
    """Never another exception."""
    read, refused = check_damage(tmp_path / "damaged.onnx", 1, 400)
    assert read > 0
    assert refused > 200


@pytest.mark.slow
def test_many_damaged_files_are_refused_or_read(tmp_path: Path):
    """The same for longer."""
    assert sum(check_damage(tmp_path / "damaged.onnx", 2, 5000)) == 5000


EXTREMES = (0, 1, -1, 3, 100, 2**31, 2**63 - 1, -(2**63))


def test_extreme_attributes_and_sizes_are_refused_or_read(tmp_path: Path):
    """Every integer of a valid model, each replaced by numbers that no model has."""
    original = (LIGHT / "light_bvlc_alexnet.onnx").read_bytes()
    path = tmp_path / "extreme.onnx"
    chance = random.Random(3)
    refused = 0
    for _ in range(300):
        graph = onnx.ModelProto.FromString(original)
        numbers = [a.ints for n in graph.graph.node for a in n.attribute if a.ints]
        numbers += [t.dims for t in graph.graph.initializer]
        chosen = chance.choice(numbers)
        chosen[chance.randrange(len(chosen))] = chance.choice(EXTREMES)
        path.write_bytes(graph.SerializeToString())
        try:
            load_network(path)
        except AcadlError:
            refused += 1
    assert 0 < refused < 300
