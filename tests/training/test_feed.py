import threading
import time

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from apus.data import diagnose
from apus.data.echo_loader import echo
from apus.errors import DataError
from apus.training.feed import Feed
from apus.training.padding import Padding

CPU = torch.device("cpu")


def plain(count=10, batch=4, **options):
    return DataLoader(TensorDataset(torch.arange(count), torch.arange(count)), batch_size=batch, **options)


def firsts(feed):
    return [x.tolist() for x, _ in feed]


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("workers", [0, 1])
def test_the_order_and_the_generator_are_the_loaders_own(prefetch, workers):
    torch.manual_seed(0)
    expected = [firsts(loader := plain(shuffle=True, num_workers=workers)), firsts(loader)]
    after = torch.rand(())
    torch.manual_seed(0)
    feed = Feed(plain(shuffle=True, num_workers=workers), CPU, prefetch=prefetch)
    assert [firsts(feed), firsts(feed)] == expected
    assert torch.equal(torch.rand(()), after)
    assert feed.epoch == 2
    assert feed.wait_seconds > 0


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("position", [1, 2, 3])
def test_a_pass_goes_on_where_it_was(position, own):
    def make():
        return plain(shuffle=True, generator=torch.Generator().manual_seed(3) if own else None)

    torch.manual_seed(0)
    feed = Feed(make(), CPU)
    batches = iter(feed)
    for _ in range(position):
        next(batches)
    state, generator = feed.state_dict(), torch.get_rng_state()
    rest = [[x.tolist() for x, _ in batches], firsts(feed)]
    torch.manual_seed(99)
    again = Feed(make(), CPU)
    again.load_state_dict(state)
    torch.set_rng_state(generator)
    resumed = [firsts(again)]
    if not own:  # a generator of the loader's own is the script's to restore beyond the pass
        assert [*resumed, firsts(again)] == rest
    assert resumed == rest[:1]


def test_ranks_share_each_batch_and_say_how_much():
    shares = [[], []]
    rows = [firsts(Feed(plain(9, 4), CPU, rank=r, world=2, use=shares[r].append)) for r in range(2)]
    assert rows == [[[0, 1], [4, 5], [8]], [[2, 3], [6, 7], [8]]]
    assert shares == [[1, 1, 2], [1, 1, 0]]


class Stream(IterableDataset):
    def __iter__(self):
        return iter([(n, n) for n in range(6)])


def test_a_stream_is_split_by_rows():
    feed = Feed(DataLoader(Stream(), batch_size=4), CPU, rank=1, world=2)
    assert firsts(feed) == [[2, 3], [5]]
    feed.load_state_dict({**feed.state_dict(), "position": 1})
    assert firsts(feed) == [[5]]


def test_any_iterable_and_our_pipelines_are_fed_and_resumed():
    for source in ([(torch.tensor([n]), 0) for n in range(5)], echo(plain(6, 2), 2, size=1)):
        feed = Feed(source, CPU, prefetch=1)
        whole = [firsts(feed), firsts(feed)]
        again = Feed(source if isinstance(source, list) else echo(plain(6, 2), 2, size=1), CPU)
        again.load_state_dict({**feed.state_dict(), "epoch": 1, "position": 2})
        assert firsts(again) == whole[1][2:]


def test_padding_and_the_loaders_attributes():
    feed = Feed(plain(), CPU, padding=Padding(rows=4))
    assert [len(x) for x in firsts(feed)] == [4, 4, 4]
    assert feed.batch_size == 4
    assert len(feed) == 3


def test_a_diagnosis_leaves_the_feed_where_it_was():
    torch.manual_seed(0)
    expected = firsts(Feed(plain(64, shuffle=True), CPU))
    torch.manual_seed(0)
    feed = Feed(plain(64, shuffle=True), CPU, prefetch=1)
    verdict = diagnose(feed, lambda batch: time.sleep(0.001), batches=6, seconds=2.0)
    assert verdict.times.wait >= 0
    assert (feed.epoch, feed.position, feed.wait_seconds) == (0, 0, 0.0)
    assert firsts(feed) == expected


class Broken(Dataset):
    def __len__(self):
        return 9

    def __getitem__(self, index):
        if index == 5:
            raise ValueError("bad example")
        return index, index


def test_an_error_in_the_thread_reaches_the_loop():
    with pytest.raises(ValueError, match="bad example"):
        firsts(Feed(DataLoader(Broken(), batch_size=1), CPU, prefetch=2))


def test_leaving_a_pass_early_ends_the_thread():
    for _ in Feed(plain(), CPU, prefetch=1):
        break
    assert not [thread for thread in threading.enumerate() if thread.name == "apus-prefetch"]


class Moves:
    """A batch that is no nest of tensors, as a tokenizer's may be."""

    def __init__(self, device="nowhere"):
        self.device = device

    def to(self, device):
        return Moves(str(device))


def test_a_batch_that_moves_itself_is_asked_to():
    assert [batch.device for batch in Feed([Moves()], CPU)] == ["cpu"]


def test_a_generator_is_good_for_one_pass():
    feed = Feed((torch.tensor([n]) for n in range(3)), CPU)
    assert len(list(feed)) == 3
    with pytest.raises(DataError, match="gives its batches once"):
        list(feed)


@pytest.mark.parametrize(("loader", "prefetch"), [([], -1), (3, 0)])
def test_what_cannot_be_fed_is_refused_at_once(loader, prefetch):
    with pytest.raises(ValueError, match="prefetch ≥ 0"):
        Feed(loader, CPU, prefetch=prefetch)
