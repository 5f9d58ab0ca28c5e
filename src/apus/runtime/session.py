"""A network ready to run, shaped like `onnxruntime.InferenceSession`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apus.errors import RunError
from apus.runtime.feed import Array, as_array, check_feed, check_names, check_shapes, nearest
from apus.runtime.options import RunOptions, SessionOptions, check_options, check_threads
from apus.runtime.processor import usable_cores
from apus.runtime.providers import CPU, Provider, check_providers
from apus.runtime.signature import ModelMetadata, NodeArg, node_arg
from apus.runtime.source import Source, open_network
from apus.runtime.values import IOBinding, OrtValue


class Session:
    """Run an `.apus` file, or an ONNX model that is compiled in memory. Threads may share one session.

    ```python
    session = apus.Session("student.apus")
    (logits,) = session.run(None, {"image": images})
    ```

    Args:
        path_or_bytes: path or bytes of an `.apus` or ONNX file, or an `onnx.ModelProto`. Of an `.apus` file above 16 MB
            only what is used is in memory, shared with other processes: while a session lives, replace such a file by
            renaming another over it, as Apus does; writing into it or cutting it short ends the process (SIGBUS).
            `Session(path.read_bytes())` holds a copy.
        sess_options: options by ONNX Runtime's names.
        providers: the CPU's, or a warning.
        provider_options: accepted; the CPU's provider has none.
        threads: threads per layer, 1 or more; before `sess_options`; every usable core when neither says.
        precision: precision of floating-point layers when an ONNX model is compiled: `fp32` keeps them exact
            within the bound that `apus compile` prints; `bf16` stores weights in bfloat16, half the bytes. An `.apus`
            file has its precision already.
        deterministic_plan: choose kernels by the engine's own figures, never by measuring here: the same plan, hence
            the same rounding of float32, on every machine with this instruction set and for any number of threads.
        allow: who else may run parts of an ONNX model. By default ONNX Runtime, where it is installed, runs the nodes
            that the engine refuses, with a warning that names them; `nothing`: such a model is an error;
            `onnxruntime`: it also runs what it runs faster here, which is measured when the model is opened, if every
            dimension but an input's first is fixed. An `.apus` file has its parts recorded already; with `nothing`
            one that has any for ONNX Runtime is an error.
        accuracy: `accurate`, or `fast`: activations of float32 (exp, tanh, sigmoid, SiLU, erf, GELU; Softmax and
            attention through exp) with fewer digits, within the bounds of docs/activations.md.
        **ignored: `disabled_optimizers`, which cannot change a result.

    Raises:
        RunError: an option that cannot be honoured.
    """

    __slots__ = (
        "_dtypes",
        "_engine",
        "_feed",
        "_inputs",
        "_metadata",
        "_names",
        "_outputs",
        "_places",
        "_run",
        "_seen",
        "_shapes",
    )

    def __init__(
        self,
        path_or_bytes: Source,
        sess_options: SessionOptions | None = None,
        providers: Sequence[Provider] | None = None,
        provider_options: Sequence[dict[Any, Any]] | None = None,
        *,
        threads: int | None = None,
        precision: str = "fp32",
        deterministic_plan: bool = False,
        allow: str | None = None,
        accuracy: str = "accurate",
        **ignored: Any,
    ) -> None:
        options = sess_options or SessionOptions()
        if unknown := set(ignored) - {"disabled_optimizers"}:
            raise RunError(f"Session has no argument {', '.join(sorted(unknown))}")
        check_options(options)
        check_providers(providers)
        opened = open_network(
            path_or_bytes,
            threads=_threads(threads, options),
            deterministic=bool(deterministic_plan),
            accuracy=accuracy,
            precision=precision,
            allow=allow,
            save=options.optimized_model_filepath,
        )
        self._metadata, self._engine, self._run = opened.metadata, opened.engine, opened.engine.run
        self._feed = _never if options.free_dimensions else getattr(opened.engine, "run_feed", _never)
        self._inputs = [node_arg(value, options.free_dimensions) for value in opened.inputs]
        self._outputs = [node_arg(value, options.free_dimensions) for value in opened.outputs]
        self._names = tuple(value.name for value in self._inputs)
        self._dtypes = [np.dtype(dtype) if _is_number(dtype) else None for _, dtype, _ in opened.inputs]
        self._shapes = [
            None if shape is None else value.shape
            for value, (_, _, shape) in zip(self._inputs, opened.inputs, strict=True)
        ]
        self._places = {value.name: place for place, value in enumerate(self._outputs)}
        self._seen: list[tuple[int, ...] | None] = [None] * len(self._names)

    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any], run_options: RunOptions | None = None
    ) -> list[Array]:
        """Run once.

        Args:
            output_names: outputs wanted, in this order; None, or none named, for all, as in ONNX Runtime.
            input_feed: array (or list) per input name, of the declared dtype and shape.
            run_options: accepted; none changes a result.

        Returns:
            One new array per output.

        Raises:
            RunError: a wrong name, dtype or shape; the message says what was expected and what came.
        """
        outputs: list[Array] | None = self._feed(self._names, input_feed) if type(input_feed) is dict else None
        if outputs is None:
            outputs = self._run(self._arrays(input_feed))
        if not output_names:
            return outputs
        if isinstance(output_names, str):
            raise RunError(f"output_names={output_names!r} is a text; give a list, such as [{output_names!r}]")
        places = [self._places.get(name) for name in output_names]
        if None in places:
            name = output_names[places.index(None)]
            raise RunError(f"no output {name!r}{nearest(name, self._places)}; outputs are {', '.join(self._places)}")
        return [outputs[place] for place in places if place is not None]

    def _arrays(self, feed: Mapping[str, Any]) -> list[Array]:
        """The feed in the model's order. The common case, arrays like the last ones, costs one look at each."""
        names, dtypes, seen = self._names, self._dtypes, self._seen
        if type(feed) is not dict:
            check_feed(names, feed)
        if len(feed) != len(names):
            check_names(names, feed)
        try:
            arrays = [feed[name] for name in names]
        except KeyError:
            check_names(names, feed)
            raise
        known = True
        for place, array in enumerate(arrays):
            plain = type(array) is np.ndarray and array.dtype is dtypes[place] and (flags := array.flags).c_contiguous
            if not (plain and flags.aligned):
                array = arrays[place] = as_array(names[place], array, dtypes[place])
            known = known and getattr(array, "shape", None) == seen[place]
        if not known:
            check_shapes(names, self._shapes, arrays)
            self._seen = [getattr(array, "shape", None) for array in arrays]
        return arrays

    def get_inputs(self) -> list[NodeArg]:
        """Name, type and shape of each input."""
        return list(self._inputs)

    def get_outputs(self) -> list[NodeArg]:
        """Name, type and shape of each output."""
        return list(self._outputs)

    def get_providers(self) -> list[str]:
        """`["CPUExecutionProvider"]`."""
        return [CPU]

    def get_modelmeta(self) -> ModelMetadata:
        """What the file says about itself; `custom_metadata_map` holds its metadata, such as the recipe."""
        metadata: dict[str, Any] = json.loads(self._metadata or "{}")
        return ModelMetadata("apus", str(metadata.get("name", "")), "", "", 1, "", metadata)

    @property
    def threads(self) -> int:
        """Threads that share each layer."""
        return int(self._engine.threads)

    def profile(self, input_feed: Mapping[str, Any], runs: int = 100) -> list[dict[str, Any]]:
        """Time each layer.

        Args:
            input_feed: as for `run`.
            runs: 1 or more; the median of this many runs is given.

        Returns:
            Per layer in order: `name`, `op`, `kernel`, `isa`, `microseconds`, `shape`, `macs` and more.

        Raises:
            RunError: a wrong feed.
        """
        return list(self._engine.profile(self._arrays(input_feed), max(1, runs)))

    def plan(self, shapes: Mapping[str, Sequence[int]]) -> list[dict[str, Any]]:
        """What would run for inputs of these shapes, without running it.

        Args:
            shapes: one per input name.

        Returns:
            Per layer in order: `name`, `op`, `kernel`, `isa`, `threads`, `density`, `weight_bytes`, `macs`, `why` (this
            kernel) and `options` (each one's `kernel`, `threads`, `estimated_us` and `measured_us`, 0 where not
            timed), and more.

        Raises:
            RunError: a name is wrong or missing.
        """
        check_names(self._names, shapes)
        return list(self._engine.plan([list(shapes[name]) for name in self._names]))

    def run_with_ort_values(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, OrtValue],
        run_options: RunOptions | None = None,
    ) -> list[OrtValue]:
        """`run`, with the arrays wrapped."""
        outputs = self.run(output_names, {name: value.numpy() for name, value in input_feed.items()}, run_options)
        return [OrtValue(array) for array in outputs]

    def io_binding(self) -> IOBinding:
        """An empty binding for `run_with_iobinding`."""
        return IOBinding(list(self._places))

    def run_with_iobinding(self, binding: IOBinding, run_options: RunOptions | None = None) -> None:
        """Run on the bound inputs; the outputs wait in the binding."""
        binding.outputs = self.run(binding.wanted(), binding.inputs, run_options)


InferenceSession = Session


def _never(names: Sequence[str], feed: Mapping[str, Any]) -> None:
    """Of an engine that takes no feed as it comes, or of a session that allows less than its engine."""


def _is_number(dtype: str) -> bool:
    """Whether NumPy knows it; what it does not, such as strings and sequences, ONNX Runtime checks."""
    return dtype in np.sctypeDict and dtype != "str"


def _threads(threads: int | None, options: SessionOptions) -> int:
    if threads is not None and check_threads("threads", threads) < 1:
        raise RunError(f"threads={threads}; give 1 or more, or leave it out for every usable core")
    return threads or options.intra_op_num_threads or usable_cores()
