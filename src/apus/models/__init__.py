"""Single-file networks of the recipes."""

from apus import _torch as _torch
