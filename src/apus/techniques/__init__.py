"""Published techniques, one module per paper, each usable alone; none imports another."""

from apus import _torch as _torch
