"""MatMul and Gemm, alone, against ONNX Runtime."""

import pytest
from agreement import check, ops, text_model

W23, W32 = "float[2,3] w = {1,2,3,4,5,6}", "float[3,2] w = {1,2,3,4,5,6}"
CUBE, FLAT = "m (float[N,5,3] x) => (float[A,B,C] y)", "m (float[N,3] x) => (float[A,B] y)"
MATRICES = {
    "MatMul constant": (f"{CUBE} <{W32}> {{ y = MatMul(x, w) }}", "linear"),
    "MatMul activations": (f"{CUBE} {{ t = Transpose <perm = [0,2,1]> (x)  y = MatMul(x, t) }}", "matmul"),
    "MatMul left constant": (f"{CUBE} <float[2,5] w = {{1,2,3,4,5,6,7,8,9,0}}> {{ y = MatMul(w, x) }}", "matmul"),
    "Gemm": (f"{FLAT} <{W23}, float[2] b = {{7,8}}> {{ y = Gemm <transB = 1> (x, w, b) }}", "linear"),
    "Gemm scaled": (f"{FLAT} <{W32}, float[1] b = {{7}}> {{ y = Gemm <alpha = 0.5, beta = 2.0> (x, w, b) }}", "linear"),
    "Gemm without bias": (f"{FLAT} <{W32}> {{ y = Gemm(x, w) }}", "linear"),
    "Gemm transposed": (
        f"m (float[3,N] x) => (float[A,B] y) <{W32}> {{ y = Gemm <transA = 1> (x, w) }}",
        "linear",
    ),
    "Gemm activations": (
        "m (float[2,3] x, float[2,3] w, float[2] b) => (float[A,B] y) { y = Gemm <transB = 1> (x, w, b) }",
        "matmul",
    ),
}


@pytest.mark.parametrize("name", sorted(MATRICES))
def test_matrices(name: str) -> None:
    body, op = MATRICES[name]
    assert op in ops(check(text_model(body)))
