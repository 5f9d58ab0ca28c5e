"""The table of SPEC.md §5: what each operation takes. One row per operation."""

from dataclasses import dataclass


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


ACTIVATIONS = _words("none relu clip hard_sigmoid hard_swish sigmoid tanh silu gelu gelu_tanh leaky_relu")
UNARY = _words(
    "relu clip leaky_relu elu hard_sigmoid hard_swish sigmoid tanh silu gelu gelu_tanh exp log sqrt reciprocal abs neg"
    " erf floor ceil round softplus identity"
)
BINARY = _words("add sub mul div max min pow")
REDUCE = _words("mean sum max min")
PAD_MODES = _words("constant reflect edge")
QUANTISED_ACTIVATIONS = _words("none relu clip")

VALUE_DTYPES = _words("float32 uint8 int8 int32 int64 bool")
TENSOR_DTYPES = _words("float32 float64 uint8 int8 int16 uint16 int32 uint32 int64 bool")

DEFAULT_ALPHA = {"leaky_relu": 0.01, "elu": 1.0, "hard_sigmoid": 0.2}
DEFAULT_BETA = {"hard_sigmoid": 0.5}


@dataclass(frozen=True)
class Operator:
    """Number of inputs (low, high), attributes, and roles of constants; a trailing `?` marks an optional one."""

    inputs: tuple[int, int]
    attributes: str = ""
    roles: str = ""

    def names(self, listed: str) -> tuple[set[str], set[str]]:
        """Required and optional names of `attributes` or `roles`."""
        words = listed.split()
        return {w for w in words if w[-1] != "?"}, {w[:-1] for w in words if w[-1] == "?"}


_FUSED = "activation? clip? alpha? beta?"
_WINDOW = "kernel strides pads dilations"
_POOL = Operator((1, 1), f"{_WINDOW} ceil_mode? count_include_pad?")
MANY = 2**31

OPERATORS: dict[str, Operator] = {
    "conv": Operator((1, 1), f"{_WINDOW} groups channels format {_FUSED}", "values columns? strips? bias? multiplier?"),
    "linear": Operator((1, 1), f"channels format {_FUSED}", "values columns? strips? bias? multiplier?"),
    "matmul": Operator((2, 2)),
    "binary": Operator((2, 2), f"function {_FUSED}"),
    "unary": Operator((1, 1), "function alpha? beta? clip?"),
    "max_pool": _POOL,
    "avg_pool": _POOL,
    "reduce": Operator((1, 1), "function axes keepdims"),
    "softmax": Operator((1, 1), "axis"),
    "layer_norm": Operator((1, 2), "epsilon", "multiplier bias?"),
    "attention": Operator((3, 4), "heads channels offsets factor"),
    "reshape": Operator((1, 1), "shape"),
    "flatten": Operator((1, 1), "axis"),
    "transpose": Operator((1, 1), "perm"),
    "concat": Operator((1, MANY), "axis"),
    "pad": Operator((1, 1), "pads mode value?"),
    "slice": Operator((1, 1), "starts ends axes steps"),
    "cast": Operator((1, 1)),
    "quantize": Operator((1, 1)),
    "dequantize": Operator((1, 1)),
}
