"""Run a script on the real TorchTPU with XLA's CPU plug-in in the TPU library's place: right results, no speed.

Undocumented by TorchTPU, found by trying: its library is whatever `TPU_LIBRARY_PATH` names when torch is imported. So
it takes a new process with the environment made here, and `quirks.start_emulated` in it.
"""

import os
import shutil
import subprocess
from pathlib import Path

from apus.errors import MissingExtraError
from apus.training import quirks

SHIM = Path(__file__).with_name("pjrt_shim.c")


def environment(compiled: bool = False) -> dict[str, str]:
    """What a process needs in its environment to have an emulated device `tpu`.

    Args:
        compiled: `torch.compile` shall work too; takes a C compiler and a newer plug-in.

    Returns:
        The present environment and the additions; `APUS_DEVICE` makes `Runtime` choose the device.

    Raises:
        MissingExtraError: a package is absent.
    """
    plugin = quirks.eager_plugin()
    if quirks.installed() is None or plugin is None:
        raise MissingExtraError("emulating a TPU needs torch-tpu and xla-cpu-pjrt: pip install 'apus-ml[tpu-check]'")
    added = {"TPU_SKIP_MDS_QUERY": "1", "APUS_DEVICE": "tpu", "TPU_LIBRARY_PATH": str(plugin)}
    added["TORCH_DEVICE_BACKEND_AUTOLOAD"] = "1"
    if compiled:
        added |= _through_shim(plugin)
    return {**os.environ, **added}


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def _through_shim(plugin: Path) -> dict[str, str]:
    newer, compiler = quirks.compiling_plugin(), _compiler()
    if newer is None or compiler is None:
        raise MissingExtraError(
            "compiled emulation needs a C compiler and: pip install --no-deps lammps-jax-pjrt-cpu==0.11.2"
        )
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "apus"
    shim = cache / f"pjrt_shim-{SHIM.stat().st_mtime_ns}.so"
    if not shim.exists():
        cache.mkdir(parents=True, exist_ok=True)
        built = shim.with_suffix(f".{os.getpid()}")
        include = ["-I", str(plugin.parent / "include")]
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", *include, SHIM, "-o", built, "-ldl"], check=True)
        built.replace(shim)
    return {"TPU_LIBRARY_PATH": str(shim), "APUS_PJRT_PLUGIN": str(newer)}
