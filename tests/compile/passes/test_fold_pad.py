import pytest
from agreement import check, ops, text_model

HEAD = "m (float[N,2,5] x) => (float[A,B,C] y) <float[3,2,2] w = {1,2,-3,4,5,6,7,8,9,1,2,3}, float one = {1.0},"


@pytest.mark.parametrize(
    ("pads", "mode", "folds"),
    [
        ("0,0,1,0,0,2", "constant", True),
        ("0,1,0,0,0,0", "constant", False),
        ("0,0,1,0,0,2", "edge", False),
        ("0,0,1,0,0,2", "constant one", False),
    ],
)
def test_zeros_around_the_picture_fold(pads: str, mode: str, folds: bool) -> None:
    value = ", one" if mode.endswith("one") else ""
    channels = "z = Slice(p, start, end, axis)" if pads[2] == "1" else "z = Identity(p)"
    model = text_model(
        f"{HEAD} int64[6] pads = {{{pads}}}, int64[1] start = {{0}}, int64[1] end = {{2}}, int64[1] axis = {{1}}>"
        f' {{ p = Pad <mode = "{mode.split()[0]}"> (x, pads{value})  {channels}  y = Conv <pads = [1, 0]> (z, w) }}',
        18,
    )
    graph = check(model)
    assert ("pad" not in ops(graph)) == folds
    if folds:
        assert graph.nodes[0].attributes["pads"] == [2, 2]


def test_a_pad_with_another_reader_stays_for_it() -> None:
    model = text_model(
        f"{HEAD} int64[6] pads = {{0,0,1,0,0,1}}>"
        " { p = Pad(x, pads)  c = Conv(p, w)  s = ReduceSum(p)  y = Add(c, s) }",
        18,
    )
    assert sorted(ops(check(model))) == ["binary", "conv", "pad", "reduce"]
