"""Which extra brings which package."""

from importlib import metadata, util

EXTRAS = {
    "compile": ("onnx", "onnx_ir", "rich"),
    "train": ("torch", "onnxscript", "safetensors", "PIL", "optuna", "jinja2"),
    "text": ("tokenizers",),
    "speech": ("hibari", "apus_voice"),
    "serve": ("fastapi", "uvicorn"),
    "bench": ("onnxruntime", "openvino"),
    "tpu": ("torch_tpu", "libtpu"),
    "tpu-check": ("torchax", "jax", "optax", "xla_plugins"),
}
_DISTRIBUTIONS = {
    "hibari": "hibari-tts",
    "apus_voice": "apus-ml-voice",
    "onnx_ir": "onnx-ir",
    "PIL": "pillow",
    "jinja2": "Jinja2",
    "xla_plugins": "xla-cpu-pjrt",
}


def command_for(package: str) -> str:
    """The command that installs `package`, given by its import name.

    >>> command_for("onnx.helper")
    "pip install 'apus-ml[compile]'"
    """
    top = package.split(".")[0]
    for extra, packages in EXTRAS.items():
        if top in packages:
            return f"pip install 'apus-ml[{extra}]'"
    return f"pip install {top}"


def version(package: str) -> str | None:
    """Installed version of `package`, given by its import name; None when it is absent."""
    if util.find_spec(package) is None:
        return None
    try:
        return metadata.version(_DISTRIBUTIONS.get(package, package))
    except metadata.PackageNotFoundError:
        return "unknown"
