"""Wrapped arrays and bound inputs, for scripts written for ONNX Runtime; on a CPU an array is already in place."""

from typing import Any

from apus.errors import RunError
from apus.runtime.feed import Array


class OrtValue:
    """An array in a wrapper.

    >>> import numpy as np
    >>> OrtValue.ortvalue_from_numpy(np.zeros((2, 3), np.float32)).shape()
    [2, 3]
    """

    __slots__ = ("_array",)

    def __init__(self, array: Array) -> None:
        self._array = array

    @staticmethod
    def ortvalue_from_numpy(array: Array, device_type: str = "cpu", device_id: int = 0) -> "OrtValue":
        """Wrap `array`, without a copy.

        Args:
            array: stays where it is.
            device_type: `cpu`.
            device_id: has no meaning here.

        Returns:
            The wrapped array.

        Raises:
            RunError: another device than the CPU.
        """
        _check_device(device_type)
        return OrtValue(array)

    def numpy(self) -> Array:
        """The array."""
        return self._array

    def shape(self) -> list[int]:
        """Its shape."""
        return list(self._array.shape)

    def device_name(self) -> str:
        """`"cpu"`."""
        return "cpu"


class IOBinding:
    """Inputs and outputs named once, then run many times."""

    __slots__ = ("_all", "_wanted", "inputs", "outputs")

    def __init__(self, names: list[str]) -> None:
        self._all, self._wanted = names, list[str]()
        self.inputs: dict[str, Any] = {}
        self.outputs: list[Array] = []

    def bind_cpu_input(self, name: str, array: Array) -> None:
        """Feed `array` to the input `name`."""
        self.inputs[name] = array

    def bind_ortvalue_input(self, name: str, value: OrtValue) -> None:
        """Feed a wrapped array to the input `name`."""
        self.inputs[name] = value.numpy()

    def bind_output(self, name: str, device_type: str = "cpu", **placed: Any) -> None:
        """Ask for the output `name`.

        Args:
            name: of the output.
            device_type: `cpu`.
            **placed: element type, shape and address, which a CPU's output does not need.

        Raises:
            RunError: another device than the CPU.
        """
        _check_device(device_type)
        self._wanted.append(name)

    def wanted(self) -> list[str]:
        """Outputs asked for; all when none was."""
        return self._wanted or self._all

    def copy_outputs_to_cpu(self) -> list[Array]:
        """Outputs of the last run."""
        return self.outputs

    def get_outputs(self) -> list[OrtValue]:
        """Outputs of the last run, wrapped."""
        return [OrtValue(array) for array in self.outputs]


def _check_device(device: str) -> None:
    if device.lower() != "cpu":
        raise RunError(f"device {device!r} is not offered: the engine runs on the CPU")
