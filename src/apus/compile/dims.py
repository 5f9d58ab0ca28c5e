"""Arithmetic on dimensions that are integers or symbols: enough to prove that two shapes agree.

A symbolic dimension is text. Products are kept in one normal form (`6*batch*time`), so equality of text is
equality of value; whatever else arises becomes an opaque atom in parentheses.
"""

from collections import Counter
from functools import reduce

from apus.artifact import Dim


def _factors(dim: Dim) -> tuple[int, Counter[str]]:
    if isinstance(dim, int):
        return dim, Counter()
    coefficient, atoms, depth, atom = 1, Counter[str](), 0, ""
    for char in dim + "*":
        depth += (char == "(") - (char == ")")
        if char != "*" or depth:
            atom += char
            continue
        if atom.strip().isdigit():
            coefficient *= int(atom)
        else:
            atoms[atom.strip()] += 1
        atom = ""
    return coefficient, atoms


def _dim(coefficient: int, atoms: Counter[str]) -> Dim:
    names = sorted(atoms.elements())
    if not names or coefficient == 0:
        return coefficient
    return "*".join(([str(coefficient)] if coefficient != 1 else []) + names)


def multiply(a: Dim, b: Dim) -> Dim:
    """a · b.

    >>> multiply("batch", 6), multiply(2, multiply("t", "batch"))
    ('6*batch', '2*batch*t')
    """
    (n, p), (m, q) = _factors(a), _factors(b)
    return _dim(n * m, p + q)


def product(dims: list[Dim]) -> Dim:
    """The product of all `dims`; 1 for none."""
    one: Dim = 1
    return reduce(multiply, dims, one)


def divide(a: Dim, b: Dim) -> Dim:
    """⌊a / b⌋, exact where symbols cancel.

    >>> divide("6*batch", "batch"), divide("batch", 2)
    (6, '(batch//2)')
    """
    (n, p), (m, q) = _factors(a), _factors(b)
    if m and n % m == 0 and not q - p:
        return _dim(n // m, p - q)
    if m and not p and not q:
        return n // m
    return f"({a}//{b})"


def add(a: Dim, b: Dim) -> Dim:
    """a + b.

    >>> add("t", "t"), add("t", 0), add("t", 1)
    ('2*t', 't', '(t+1)')
    """
    (n, p), (m, q) = _factors(a), _factors(b)
    if p == q or n == 0 or m == 0:
        return _dim(n + m, p if n else q)
    return f"({a}-{-b})" if isinstance(b, int) and b < 0 else f"({a}+{b})"


def subtract(a: Dim, b: Dim) -> Dim:
    """a − b.

    >>> subtract(5, 2), subtract("t", "t"), subtract("t", 1)
    (3, 0, '(t-1)')
    """
    (n, p), (m, q) = _factors(a), _factors(b)
    if p == q or m == 0:
        return _dim(n - m, p)
    return f"({a}-{b})"


def broadcast(a: list[Dim], b: list[Dim]) -> list[Dim]:
    """The NumPy broadcast of two shapes; an integer wins over a symbol, since it says more.

    ValueError if two integers above 1 differ.

    Args:
        a: a shape.
        b: a shape.

    Returns:
        The shape of the result.

    >>> broadcast(["N", 1, 3], [4, 1])
    ['N', 4, 3]
    """
    rank = max(len(a), len(b))
    pairs = zip([1] * (rank - len(a)) + a, [1] * (rank - len(b)) + b, strict=True)
    return [_broadcast_one(p, q) for p, q in pairs]


def _broadcast_one(p: Dim, q: Dim) -> Dim:
    if p == 1 or p == q:
        return q
    if q == 1:
        return p
    if isinstance(p, int) and isinstance(q, int):
        raise ValueError(f"dimensions {p} and {q} do not broadcast")
    return p if isinstance(p, int) else q
