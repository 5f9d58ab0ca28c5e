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
REDUCE = _words("mean sum max min prod")
COMBINE = _words("none add mul max min")
PAD_MODES = _words("constant reflect edge")
QUANTISED_ACTIVATIONS = _words("none relu clip")

FLOATS = _words("float32 float64")
SIGNED = _words("int8 int16 int32 int64")
INTEGERS = SIGNED | _words("uint8 uint16 uint32 uint64")
NUMBERS = FLOATS | INTEGERS
BOOL = _words("bool")
DTYPES = NUMBERS | BOOL | _words("float16")
MATMUL_DTYPES = FLOATS | _words("int32 int64 uint32 uint64")

DEFAULT_ALPHA = {"leaky_relu": 0.01, "elu": 1.0, "hard_sigmoid": 0.2}
DEFAULT_BETA = {"hard_sigmoid": 0.5}


@dataclass(frozen=True)
class Elementwise:
    """A function of `elementwise`: how many operands, their dtypes, and whether the result is bool."""

    operands: int
    dtypes: frozenset[str]
    boolean: bool = False


def _rows(listed: str, operands: int, dtypes: frozenset[str], boolean: bool = False) -> dict[str, Elementwise]:
    return dict.fromkeys(listed.split(), Elementwise(operands, dtypes, boolean))


ELEMENTWISE: dict[str, Elementwise] = (
    _rows("copy", 1, DTYPES)
    | _rows("abs sign", 1, NUMBERS)
    | _rows("neg", 1, FLOATS | SIGNED)
    | _rows("floor ceil round sqrt reciprocal exp log erf sin cos tan asin acos atan", 1, FLOATS)
    | _rows("sinh cosh tanh asinh acosh atanh", 1, FLOATS)
    | _rows("is_nan is_inf", 1, FLOATS, boolean=True)
    | _rows("logical_not", 1, BOOL)
    | _rows("bit_not", 1, INTEGERS)
    | _rows("add sub mul div mod fmod pow max min", 2, NUMBERS)
    | _rows("bit_and bit_or bit_xor shift_left shift_right", 2, INTEGERS)
    | _rows("logical_and logical_or logical_xor", 2, BOOL)
    | _rows("equal less less_or_equal", 2, NUMBERS | BOOL, boolean=True)
    | _rows("where", 3, DTYPES)
)


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
    "elementwise": Operator((1, 3), "function"),
    "gather": Operator((2, 2), "axis"),
    "gather_elements": Operator((2, 2), "axis"),
    "gather_nd": Operator((2, 2), "batch_dims"),
    "scatter_elements": Operator((3, 3), "axis function"),
    "scatter_nd": Operator((3, 3), "function"),
    "arg": Operator((1, 1), "function axis keepdims last"),
    "cumulative": Operator((1, 1), "function axis exclusive reverse"),
    "top_k": Operator((1, 1), "axis k largest positions"),
    "recurrent": Operator((2, 3), "channels format reverse? reset_first?", "values columns strips bias?"),
}
