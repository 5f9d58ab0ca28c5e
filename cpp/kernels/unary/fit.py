"""Minimax coefficients of `body.inc`'s fast activations: python cpp/kernels/unary/fit.py

An odd rational x P(x²) / Q(x²), Q(0) = 1, with the least largest error e on (0, top]: for a given e the coefficients
are feasible points of the linear |f Q - x P| <= e Q, and e is bisected. exp2 is the same with Q = 1 and relative error.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.special import erf

Array = NDArray[np.float64]


def feasible(y: Array, p: Array, q: Array, bound: Array) -> Any:
    """Coefficients of p and q with |y (1 + q) - p| <= bound (1 + q), or None."""
    low, high = (y - bound)[:, None] * q, (y + bound)[:, None] * q
    rows = np.concatenate([np.hstack([-p, low]), np.hstack([p, -high])])
    limits = np.concatenate([bound - y, bound + y])
    found = linprog(np.zeros(rows.shape[1]), rows, limits, bounds=(None, None), method="highs")
    return found.x if found.status == 0 else None


def least(y: Array, p: Array, q: Array, weight: Array) -> tuple[float, Array]:
    """The least e for which e * weight is feasible, and its coefficients."""
    low, high, best = 0.0, 1e-2, None
    for _ in range(60):
        middle = (low + high) / 2
        found = feasible(y, p, q, middle * weight)
        low, high, best = (low, middle, found) if found is not None else (middle, high, best)
    assert best is not None
    return high, best


def odd_rational(f: Callable[[Array], Array], top: float, numerator: int, denominator: int) -> tuple[float, Array]:
    """`numerator` coefficients of x, x³, ..., then `denominator` of x², x⁴, ..., and the largest error."""
    x = top * (1 - np.cos(np.linspace(1e-4, np.pi, 4000))) / 2
    z = (x / top) ** 2
    p = np.stack([x / top * z**i for i in range(numerator)], 1)
    q = np.stack([z**i for i in range(1, denominator + 1)], 1)
    error, found = least(f(x), p, q, np.ones_like(x))
    return error, found / top ** np.concatenate([2 * np.arange(numerator) + 1, 2 * np.arange(1, denominator + 1)])


def exp2(degree: int) -> tuple[float, Array]:
    """2^f - 1 on [-1/2, 1/2] in powers of f from f¹ on, and the largest error relative to 2^f: 2^0 is 1 exactly."""
    f = np.cos(np.linspace(0, np.pi, 2001)) / 2
    return least(2**f - 1, np.stack([f**i for i in range(1, degree + 1)], 1), np.zeros((len(f), 0)), 2**f)


if __name__ == "__main__":
    for name, (error, found) in {
        "tanh": odd_rational(np.tanh, 7.0, 4, 3),
        "erf": odd_rational(erf, 3.5, 4, 3),
        "exp2": exp2(4),
    }.items():
        print(f"{name}: error {error:.2e}: {', '.join(f'{value:.9e}f' for value in found)}")
