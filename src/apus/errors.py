"""Every error that Apus raises on purpose, in one tree.

```
ApusError
├── ArtifactError          an .apus file is damaged, hostile or from a newer version   (also ValueError)
├── CompileError           an ONNX model cannot be compiled                            (also ValueError)
│   ├── UnsupportedOperatorError   names operator, node and fix
│   └── UnknownValueError          an input decides a shape, so it must be known when the model is compiled
├── RunError               Session.run got a wrong name, dtype or shape                (also ValueError)
├── RecipeError            a recipe has an unknown key, wrong type, or missing path    (also ValueError)
├── DataError              a data file is missing, corrupt or truncated                (also ValueError)
├── NothingMatchedError    a pattern or technique matched no layer                     (also ValueError)
├── DivergedError          the loss of a training is no longer finite
├── VerificationError      two runs of one model disagree beyond the stated bound
├── MissingExtraError      an optional package is absent; says the command to add it   (also ImportError)
├── DeviceError            there is no such device to train on                         (also ValueError)
└── IsaError               APUS_ISA names an instruction set this CPU lacks            (also ValueError)
```

A message names the thing (file, tensor, node, key) and the fix.
"""


class ApusError(Exception):
    """Base of every error that Apus raises on purpose."""


class ArtifactError(ApusError, ValueError):
    """An `.apus` file is damaged, hostile, or needs a newer version."""


class CompileError(ApusError, ValueError):
    """An ONNX model cannot be compiled; `output` names the first output of the node at which it ended, if it is one."""

    output = ""


class UnsupportedOperatorError(CompileError):
    """An ONNX operator that the engine lacks; names operator, node and fix."""


class UnknownValueError(CompileError):
    """A value must be known when the model is compiled, such as the target of a Reshape, but is only fed at run time.

    Args:
        message: names file, operator and node.
        value: its name in the model.
        inputs: inputs of the model that it is computed from.
    """

    def __init__(self, message: str, value: str, inputs: list[str]) -> None:
        super().__init__(message)
        self.value, self.inputs = value, inputs


class RunError(ApusError, ValueError):
    """`Session.run` got a wrong input name, dtype or shape."""


class DivergedError(ApusError):
    """The loss of a training is infinite or not a number: its learning rate is too high, or its data are broken."""


class RecipeError(ApusError, ValueError):
    """A recipe has an unknown key, a wrong type, or a path that does not exist."""


class DataError(ApusError, ValueError):
    """A data file is missing, corrupt or truncated."""


class NothingMatchedError(ApusError, ValueError):
    """A name pattern or a technique matched no layer at all."""


class VerificationError(ApusError):
    """Two runs of one model disagree beyond the stated bound."""


class DeviceError(ApusError, ValueError):
    """There is no such device to train on, or not one for each process."""


class MissingExtraError(ApusError, ImportError):
    """An optional package is absent; the message says the command to add it."""


class IsaError(ApusError, ValueError):
    """`APUS_ISA` names an instruction set that this build or CPU lacks."""
