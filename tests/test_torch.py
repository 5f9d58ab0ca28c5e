"""Without PyTorch every package that needs it says, through `apus._torch`, which extra brings it."""

import subprocess
import sys

TRY = """
import importlib, sys
sys.modules["torch"] = None  # as if it were not installed
from apus.errors import MissingExtraError
for name in ("compress", "data", "export", "models", "techniques", "training"):
    try:
        importlib.import_module(f"apus.{name}")
    except MissingExtraError as error:
        assert "pip install 'apus-ml[train]'" in str(error), error
    else:
        raise AssertionError(name)
import apus
apus.Session
"""


def test_the_extra_is_named():
    done = subprocess.run([sys.executable, "-c", TRY], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
