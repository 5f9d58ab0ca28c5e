"""The whole road from an ONNX model to a packed graph."""

from collections.abc import Sequence

from apus import artifact
from apus.artifact import Array, Graph
from apus.artifact.validate import check_graph
from apus.compile import passes as table
from apus.compile.lower import lower
from apus.compile.pack import pack
from apus.compile.source import Model, Prepared, prepare
from apus.errors import ArtifactError, CompileError
from apus.runtime.source import PRECISIONS


def compile_model(
    model: Model | Prepared,
    *,
    precision: str = "fp32",
    shapes: dict[str, list[int]] | None = None,
    values: dict[str, Array] | None = None,
    passes: Sequence[str] | None = None,
) -> Graph:
    """Compile an ONNX model to a packed graph.

    int8 comes only from QuantizeLinear and DequantizeLinear in the model; nothing is lowered silently.

    Args:
        model: a path, or the model itself, or what `prepare` made of one.
        precision: of what the model keeps in floating point. `fp32` keeps it; `bf16` rounds the weights of
            convolutions (but depthwise ones), matrix products and recurrent layers to bfloat16, half the bytes, and
            lets a CPU that multiplies bfloat16 round their inputs too: an output is wrong by less than 2⁻⁷ Σ|w||x|
            a layer.
        shapes: fixed shapes for inputs, by name, in place of symbolic ones.
        values: fixed values for inputs, by name, which are inputs no longer: such as the target of a Reshape.
        passes: names of optional passes to run (`apus.compile.PASSES`); all by default.

    Returns:
        The network, ready for `apus.artifact.write`.

    Raises:
        CompileError: the model cannot be compiled; names file and node.

    >>> import onnx
    >>> head = '<ir_version: 8, opset_import: ["": 17]>'
    >>> relu = onnx.parser.parse_model(head + "m (float[N,4] x) => (float[N,4] y) { y = Relu(x) }")
    >>> [node.op for node in compile_model(relu).nodes]
    ['unary']
    """
    check_precision(precision)
    loaded, file, _ = prepare(model)
    graph = lower(loaded, file, shapes, values)
    table.run(graph, passes)
    pack(graph, precision)
    graph.metadata = {
        "source": file,
        "onnx_producer": loaded.producer_name or "",
        "opset": loaded.opset_imports.get("", 0),
    } | precision_metadata(precision)
    try:
        check_graph(graph)
    except ArtifactError as error:
        raise CompileError(f"{file}: {error}") from error
    return graph


def check_precision(precision: str) -> None:
    """Refuse what is no precision with CompileError."""
    if precision not in PRECISIONS:
        raise CompileError(f"precision {precision!r} is not one of {', '.join(PRECISIONS)}")


def precision_metadata(precision: str) -> dict[str, str]:
    """What a file says of its precision: nothing where that is `fp32`."""
    return {} if precision == "fp32" else {"precision": precision}


def to_bytes(
    model: Model,
    *,
    precision: str = "fp32",
    shapes: dict[str, list[int]] | None = None,
    passes: Sequence[str] | None = None,
) -> bytes:
    """The `.apus` file of a model, in memory; arguments as for `compile_model`.

    Args:
        model: a path, or the model itself.
        precision: as for `compile_model`.
        shapes: as for `compile_model`.
        passes: as for `compile_model`.

    Returns:
        The whole file.
    """
    return artifact.to_bytes(compile_model(model, precision=precision, shapes=shapes, passes=passes))
