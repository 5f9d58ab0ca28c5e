"""Compile a script's train step for a TPU that is not there: torchax traces it, libtpu compiles it and says the cost.

`python -m apus.training.tpu_check.ahead OUTPUT.json TOPOLOGY ROWS SCRIPT ARGUMENTS…`. Parameters are replicated, rows
are split over the chips. The loss is not in the model's call, so the step trains `mean logsumexp` of the outputs:
it has the memory and the FLOPs of a cross entropy. BatchNorm's statistics are not written (torchax drops them).
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from apus.errors import ApusError
from apus.training.tpu_check.capture import Captured, capture

COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")


def _loss(outputs: Any) -> Tensor:
    floats = [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, Tensor) and leaf.is_floating_point()]
    scalars = [leaf for leaf in floats if leaf.dim() == 0]
    if scalars:
        return scalars[0]
    if not floats:
        raise ApusError("the model returns no float tensor: nothing to train")
    return sum((torch.logsumexp(leaf.float(), -1).mean() for leaf in floats), torch.zeros(()))


def _optimizer(name: str) -> Any:
    import optax  # type: ignore[import-not-found]

    return optax.sgd(0.1, momentum=0.9) if name == "SGD" else optax.adamw(1e-3)


def _batch_rows(found: Captured) -> int:
    leaves = [
        leaf for leaf in pytree.tree_leaves((found.args, found.kwargs)) if isinstance(leaf, Tensor) and leaf.dim()
    ]
    if not leaves:
        raise ApusError("the model takes no tensor: cannot tell its batch")
    return len(leaves[0])


def compile_for(found: Captured, topology: str, rows: int) -> dict[str, Any]:
    """Compile one train step.

    Args:
        found: what to train.
        topology: `v5e:2x2`, `v6e:2x2`, ….
        rows: of the global batch; 0 for the script's own.

    Returns:
        Bytes and FLOPs of one chip, and its collectives; or `error`, as the TPU's compiler says it.
    """
    import jax  # type: ignore[import-not-found]
    import numpy as np
    import optax
    import torchax  # type: ignore[import-not-found]
    from jax.experimental import topologies  # type: ignore[import-not-found]
    from jax.sharding import Mesh, NamedSharding, PartitionSpec  # type: ignore[import-not-found]
    from torchax.interop import call_jax, jax_value_and_grad, jax_view  # type: ignore[import-not-found]

    model = found.model
    assert model is not None
    own = _batch_rows(found)
    target = topologies.get_topology_desc(platform="tpu", topology_name=topology)
    mesh = Mesh(np.array(target.devices).reshape(-1), ("data",))
    inputs, tree = pytree.tree_flatten((found.args, found.kwargs))
    moving = [index for index, leaf in enumerate(inputs) if isinstance(leaf, Tensor)]
    torchax.enable_globally()
    frozen = {name: value.detach() for name, value in (*model.named_parameters(), *model.named_buffers())}
    trained = {name for name, value in model.named_parameters() if value.requires_grad}

    def loss(params: Any, fixed: Any, *tensors: Any) -> Any:
        leaves = list(inputs)
        for index, tensor in zip(moving, tensors, strict=True):
            leaves[index] = tensor
        args, kwargs = pytree.tree_unflatten(leaves, tree)
        return _loss(torch.func.functional_call(model, {**fixed, **params}, args, kwargs))

    rule = _optimizer(found.optimizer)

    def step(params: Any, state: Any, fixed: Any, *tensors: Any) -> Any:
        value, gradient = jax_value_and_grad(loss)(params, fixed, *tensors)
        update, state = call_jax(rule.update, gradient, state, params)
        return value, call_jax(optax.apply_updates, params, update), state

    def shape(tensor: Any, split: bool) -> Any:
        array = jax_view(tensor.to("jax")) if isinstance(tensor, Tensor) else tensor
        size = (rows or own, *array.shape[1:]) if split else array.shape
        layout = PartitionSpec("data") if split and size[0] % mesh.size == 0 else PartitionSpec()
        return jax.ShapeDtypeStruct(size, array.dtype, sharding=NamedSharding(mesh, layout))

    params = {name: shape(value, False) for name, value in frozen.items() if name in trained}
    fixed = {name: shape(value, False) for name, value in frozen.items() if name not in trained}
    tensors = [shape(inputs[index], inputs[index].dim() > 0 and len(inputs[index]) == own) for index in moving]
    state = jax.tree.map(lambda leaf: shape(leaf, False), jax.eval_shape(rule.init, params))
    lowered = jax.jit(jax_view(step), donate_argnums=(0, 1)).trace(params, state, fixed, *tensors)
    result: dict[str, Any] = {"topology": topology, "chips": mesh.size, "rows": rows or own}
    try:
        program = lowered.lower(lowering_platforms=("tpu",)).compile()
    except jax.errors.JaxRuntimeError as error:
        return {**result, "error": _short(str(error))}
    return {**result, "kind": target.devices[0].device_kind, **_costs(program)}


def _costs(program: Any) -> dict[str, Any]:
    memory, text = program.memory_analysis(), program.as_text()
    return {
        "flops": program.cost_analysis()["flops"],
        "bytes": memory.temp_size_in_bytes
        + memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes,
        "collectives": {name: len(re.findall(rf"\b{name}(?:-start)?\(", text)) for name in COLLECTIVES},
    }


def _short(text: str) -> str:
    found = re.search(r"(Ran out of memory[^\n]*)", text)
    return found.group(1).strip() if found else text.splitlines()[0][:300]


def main(words: list[str]) -> None:
    """Compile and write the JSON.

    Args:
        words: output, topology, rows, script and its arguments.
    """
    output, topology, rows, script, *arguments = words
    torch.backends.cuda.enable_flash_sdp(False)
    Path(output).write_text(json.dumps(compile_for(capture(script, arguments), topology, int(rows))))


if __name__ == "__main__":
    main(sys.argv[1:])
