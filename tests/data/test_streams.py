"""Every kind of source echoes, each item exactly its copies, and resumes."""

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader, DistributedSampler, IterableDataset

from apus.data.files import Tars, decode_image
from apus.data.pipeline import Pipeline
from apus.data.streams import as_source
from apus.errors import DataError


def image(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((6, 5, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    path = tmp_path / "shard-0.tar"
    with tarfile.open(path, "w") as archive:
        for i in range(20):
            for suffix, content in (("png", image(i)), ("cls", str(i % 2).encode())):
                member = tarfile.TarInfo(f"train/{i:04}.{suffix}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def stops_and_goes_on(make: Any, step: int) -> tuple[list[Any], list[Any]]:
    """The whole stream, and the stream cut and resumed after `step` outputs."""
    whole = [x.tolist() for x in make()]
    pipe, got = make(), []
    for x in pipe:
        got.append(x.tolist())
        if len(got) == step:
            state = pipe.state_dict()
            break
    resumed = make()
    resumed.load_state_dict(state)
    return whole, got + [x.tolist() for x in resumed]


def test_tar_files_as_webdataset_lays_them_out(tar: Path) -> None:
    def make() -> Pipeline:
        pipe = Pipeline(str(tar)).read(workers=2).decode(lambda sample: decode_image(sample["png"])[0, 0, 0])
        return pipe.echo(2).batch(5)

    whole, resumed = stops_and_goes_on(make, 3)
    assert whole == resumed
    assert sorted(v for batch in whole for v in batch) == sorted(2 * list(range(20)))
    example = Tars([tar])[3]
    assert example["__key__"] == "train/0003" and example["cls"] == b"1"


# It leaves closing its files to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_webdataset(tar: Path) -> None:
    webdataset = pytest.importorskip("webdataset")

    def make() -> Pipeline:
        stream = webdataset.WebDataset(str(tar), shardshuffle=False).decode("rgb8").map(lambda s: s["png"][0, 0, 0])
        return Pipeline(stream).echo(2).batch(5)

    whole, resumed = stops_and_goes_on(make, 3)
    assert whole == resumed and sorted(v for b in whole for v in b) == sorted(2 * list(range(20)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:'set_vital' is deprecated")
def test_torchdata() -> None:
    nodes = pytest.importorskip("torchdata.nodes")
    stateful = pytest.importorskip("torchdata.stateful_dataloader")

    def node() -> Pipeline:
        return Pipeline(nodes.Loader(nodes.IterableWrapper(range(30)))).echo(1.5).batch(5)

    def loader() -> Pipeline:
        return Pipeline(stateful.StatefulDataLoader(list(range(30)), batch_size=5)).echo(2)

    for make in (node, loader):
        whole, resumed = stops_and_goes_on(make, 3)
        assert whole == resumed and len(whole) == (9 if make is node else 12)


def test_hugging_face() -> None:
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"x": list(range(30))})

    def indexed() -> Pipeline:
        return Pipeline(table).read().map(lambda row: row["x"]).echo(2).batch(5)

    def streamed() -> Pipeline:
        return Pipeline(table.to_iterable_dataset()).map(lambda row: row["x"]).echo(2).batch(5)

    for make in (indexed, streamed):
        whole, resumed = stops_and_goes_on(make, 4)
        assert whole == resumed and sorted(v for b in whole for v in b) == sorted(2 * list(range(30)))


def test_map_style_orders_differ_by_epoch_and_cover_all() -> None:
    source = as_source(range(10), 0, True, 0, 1)
    orders = [[key for _, key in source.read(epoch, [], 0)] for epoch in range(2)]
    assert orders[0] != orders[1] and sorted(orders[0]) == list(range(10))
    assert [i for i, _ in source.read(0, [2, 3], 7)] == [2, 3, 7, 8, 9]


def test_streams_shared_among_ranks_need_a_length() -> None:
    class Endless(IterableDataset[Any]):
        def __iter__(self) -> Any:
            return iter(range(10))

    with pytest.raises(DataError, match="without a length"):
        Pipeline(Endless(), rank=0, world=2)
    with pytest.raises(DataError, match="neither"):
        Pipeline(7)


def test_a_distributed_sampler_gets_its_epoch() -> None:
    sampler: DistributedSampler[Any] = DistributedSampler(range(12), 2, 0, seed=1)  # type: ignore[arg-type]
    pipe = Pipeline(DataLoader(range(12), 3, sampler=sampler), shuffle=False)  # type: ignore[arg-type]
    assert [b.tolist() for b in pipe] != [b.tolist() for b in pipe]
