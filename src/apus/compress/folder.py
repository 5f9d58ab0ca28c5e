"""The folder of a run: what each stage left there, and whether it still belongs to this recipe."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from apus._files import write_atomically
from apus.errors import DataError

Done = dict[str, Any]


def fingerprint(*parts: Any) -> str:
    """Digest of everything that shapes a stage's result.

    Args:
        *parts: dataclasses, dictionaries, text, numbers; how often checkpoints are written is left out, and so are
            keys marked `later` in the recipe that have their default.

    Returns:
        16 hexadecimal digits.

    >>> fingerprint({"a": 1}, "b") == fingerprint({"a": 1}, "b")
    True
    """
    text = json.dumps([_plain(part) for part in parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(part: Any) -> Any:
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        part = {field.name: getattr(part, field.name) for field in dataclasses.fields(part) if _shapes(part, field)}
    if isinstance(part, dict):
        return {k: _plain(v) for k, v in part.items() if not str(k).startswith("checkpoint_")}
    return part


def _shapes(part: Any, field: "dataclasses.Field[Any]") -> bool:
    """False of a key younger than the first recipes that has its default: what it adds, it adds not here."""
    made = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    return not field.metadata.get("later") or bool(getattr(part, field.name) != made)


class RunFolder:
    """`runs/<name>/`, with a sub-folder or a file per stage.

    Args:
        path: made when first written to.
        writes: whether this process may write; of many that train together, one does.
    """

    def __init__(self, path: Path, writes: bool = True) -> None:
        self.path, self.writes = path, writes

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def stage(self, name: str) -> Path:
        """The stage's own folder."""
        return self.path / name

    def done(self, stage: str, wanted: str) -> Done | None:
        """What a finished stage wrote, or None when it is not finished or belongs to another recipe.

        Args:
            stage: its name.
            wanted: its fingerprint now.

        Returns:
            The content of `done.json`.
        """
        record = self.record(stage)
        return record if record is not None and record.get("fingerprint") == wanted else None

    def record(self, stage: str) -> Done | None:
        """The content of a stage's `done.json`, whatever its fingerprint."""
        path = self.stage(stage) / "done.json"
        if not path.is_file():
            return None
        try:
            record: Done = json.loads(path.read_text())
        except ValueError as error:
            raise DataError(f"{path}: damaged ({error}); delete it to run the stage again") from None
        return record

    def finish(self, stage: str, print_of_stage: str, facts: Done) -> Done:
        """Mark a stage as done: the last thing it does, so that all it wrote before is whole."""
        record = facts | {"fingerprint": print_of_stage}
        if not self.writes:
            return record
        self.write_json(f"{stage}/done.json", record)
        for checkpoint in self.stage(stage).glob("**/checkpoint.pt"):  # a stage may train several networks
            checkpoint.unlink()
        return record

    def forget(self, stage: str) -> None:
        """Let a stage run again."""
        if self.writes:
            (self.stage(stage) / "done.json").unlink(missing_ok=True)

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file whole."""
        if self.writes:
            write_atomically(self.path / name, json.dumps(content, indent=1, default=float) + "\n")

    def read_json(self, name: str) -> Any:
        """Read a JSON file."""
        return json.loads((self.path / name).read_text())

    def write_weights(self, stage: str, model: nn.Module) -> None:
        """Keep a network's parameters and buffers."""
        tensors = {name: t.detach().cpu().clone().contiguous() for name, t in model.state_dict().items()}
        if self.writes:
            write_atomically(self.stage(stage) / "weights.safetensors", safetensors.torch.save(tensors))

    def read_weights(self, stage: str, model: nn.Module) -> nn.Module:
        """Load what `write_weights` kept into a network of the same structure."""
        return load_weights(self.stage(stage) / "weights.safetensors", model)


def load_weights(path: Path, model: nn.Module) -> nn.Module:
    """Load a `.safetensors` file into a network.

    Args:
        path: the file.
        model: of the same structure; changed in place.

    Returns:
        `model`.

    Raises:
        DataError: the file is missing, damaged, or belongs to another network.
    """
    try:
        model.load_state_dict(safetensors.torch.load(path.read_bytes()))
    except FileNotFoundError:
        raise DataError(f"{path}: no such file of weights") from None
    except safetensors.SafetensorError as error:
        raise DataError(f"{path}: damaged weights ({error})") from None
    except RuntimeError as error:
        raise DataError(f"{path}: weights of another network: {error}") from None
    return model
