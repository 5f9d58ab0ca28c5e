"""The stream: the same for any workers, exact after a kill, each item exactly its copies, shared among ranks."""

import json
import random
import threading
from fractions import Fraction
from time import perf_counter, sleep
from typing import Any

import numpy as np
import pytest
import torch

from apus.data.echo_loader import echo
from apus.data.pipeline import Pipeline
from apus.data.rate import Metrics
from apus.errors import DataError
from timing import settled

COUNT = 203


def read(key: int) -> Any:
    return np.array([key, key]), key


def jitter(sample: Any, rng: np.random.Generator) -> Any:
    x, y = sample
    return x + rng.random(2), y


def chain(place: str, factor: Any, spread: Any, workers: int = 0, processes: bool = False, **more: Any) -> Pipeline:
    """One echo at one place of the chain."""
    pipe = Pipeline(range(COUNT), seed=5, **more).read(read, workers=workers, processes=processes)
    pipe = pipe.echo(factor, spread=spread) if place == "before" else pipe
    pipe = pipe.augment(jitter, workers=workers, processes=processes)
    pipe = pipe.echo(factor, spread=spread) if place == "after" else pipe
    pipe = pipe.batch(16)
    return pipe.echo(factor, spread=spread) if place == "batch" else pipe


def text(stream: Any) -> list[bytes]:
    return [x.numpy().tobytes() + y.numpy().tobytes() for x, y in stream]


@pytest.mark.parametrize("spread", ["stride", "buffer", "none"])
@pytest.mark.parametrize("place", ["before", "after", "batch"])
def test_every_item_is_emitted_exactly_its_copies(place: str, spread: str) -> None:
    pipe = chain(place, 2.5, spread)
    seen = torch.cat([y for _, y in pipe])
    counts = torch.bincount(seen, minlength=COUNT)
    # drop_last leaves out less than one batch of emissions (or of items, for batch echo)
    assert len(seen) == len(pipe) * 16
    if place == "batch":
        assert sorted(counts.tolist()).count(0) == COUNT % 16 and set(counts.tolist()) == {0, 2, 3}
    else:
        assert int(COUNT * 2.5) - len(seen) < 16 and counts.max() == 3 and (counts < 2).sum() < 16


@pytest.mark.parametrize("factor", [1, 1.5, 2, 2.25, 3, 4.6])
def test_stride_puts_no_item_twice_into_a_batch(factor: float) -> None:
    for _, y in Pipeline(range(COUNT)).read(read).echo(factor).batch(16, drop_last=False):
        assert len(set(y.tolist())) == len(y)


@pytest.mark.parametrize("place", ["before", "after", "batch"])
def test_the_stream_is_the_same_for_any_workers(place: str) -> None:
    wanted = text(chain(place, 2.5, "stride"))
    for workers, processes in [(2, False), (4, False), (2, True)]:
        assert text(chain(place, 2.5, "stride", workers, processes)) == wanted


def test_epochs_differ_and_are_addressed_by_number() -> None:
    pipe = chain("before", 2, "stride")
    first, second = text(pipe), text(pipe)
    assert first != second
    again = chain("before", 2, "stride")
    again.set_epoch(1)
    assert text(again) == second


@pytest.mark.parametrize(
    ("workers", "processes", "kills"), [(0, False, 24), (2, False, 10), (4, False, 10), (2, True, 3), (4, True, 3)]
)
def test_kill_and_resume_goes_on_exactly(workers: int, processes: bool, kills: int) -> None:
    numbers = random.Random(workers)
    for kill in range(kills):
        place, spread = numbers.choice(["before", "after", "batch"]), ["stride", "buffer", "none"][kill % 3]
        factor = numbers.choice([1, 1.5, 2, 3, 4.4])
        whole = chain(place, factor, spread)
        wanted = text(whole) + text(whole)
        killed = chain(place, factor, spread, workers, processes)
        step = numbers.randrange(1, len(wanted))
        got = []
        while len(got) < step:
            for x, y in killed:
                got += text([(x, y)])
                if len(got) == step:
                    state = json.dumps(killed.state_dict())
                    break
        assert len(state) < 4096
        resumed = chain(place, factor, spread, workers, processes)
        resumed.load_state_dict(json.loads(state))
        got += text(resumed)
        if len(got) < len(wanted):
            got += text(resumed)
        assert got == wanted, (place, spread, factor, step)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("world", [2, 4])
def test_ranks_share_keys_and_make_equal_steps(world: int, whole: bool) -> None:
    for count in (203, 64 * world, 64 * world + 1):
        ranks = [
            Pipeline(range(count), rank=r, world=world).read(read).echo(1.5).batch(16, drop_last=whole)
            for r in range(world)
        ]
        streams = [[y for _, y in pipe] for pipe in ranks]
        assert {len(s) for s in streams} == {len(ranks[0])}
        keys = [set(torch.cat(s).tolist()) for s in streams]
        assert sum(map(len, keys)) == len(set.union(*keys))
        if not whole:
            assert set.union(*keys) == set(range(count))


def test_factor_one_passes_through() -> None:
    plain = Pipeline(range(COUNT), seed=5).read(read).augment(jitter).batch(16)
    assert text(chain("before", 1, "stride")) == text(plain)
    assert len(plain) == COUNT // 16


def test_sizes() -> None:
    pipe = chain("before", 2.5, "stride")
    assert len(pipe) == int(COUNT * 2.5) // 16
    assert pipe.fresh_len == COUNT // 16
    assert pipe.steps_for(fresh_epochs=4) == 4 * len(pipe)


def test_views_tell_first_from_repeat() -> None:
    pipe = Pipeline(range(8)).echo(2, spread="none").batch(4)
    assert [pipe.views.tolist() for _ in pipe] == [[0, 1, 0, 1]] * 4


@pytest.mark.parametrize("spread", ["stride", "buffer", "none"])
def test_streams_without_length_echo_and_resume(spread: Any) -> None:
    def make() -> Pipeline:
        return Pipeline(Stream()).echo(2.5, spread=spread).batch(8)

    wanted = [b.tolist() for b in make()]
    assert sum(map(len, wanted)) == int(100 * 2.5) // 8 * 8
    for step in (1, 5, 17, 30):
        pipe, got = make(), []
        for b in pipe:
            got.append(b.tolist())
            if len(got) == step:
                state = pipe.state_dict()
                break
        resumed = make()
        resumed.load_state_dict(state)
        assert got + [b.tolist() for b in resumed] == wanted
    with pytest.raises(TypeError, match="has no length"):
        len(make())


class Stream:
    def __iter__(self) -> Any:
        return iter(range(100))


def test_auto_raises_a_slow_source_and_leaves_a_fast_one() -> None:
    def slow(key: int) -> int:
        sleep(0.001)
        return key

    def chosen(read: Any) -> Pipeline:
        pipe = Pipeline(range(400)).read(read).echo("auto").batch(4)
        for _ in pipe:
            sleep(0.001)
        return pipe

    pipe = settled(lambda: chosen(slow), lambda pipe: pipe.factor >= 3)
    assert 3 <= pipe.factor <= 4
    again = Pipeline(range(400)).read(slow).echo("auto").batch(4)
    again.load_state_dict(pipe.state_dict())
    assert again.factor == pipe.factor
    assert settled(lambda: chosen(None), lambda pipe: pipe.factor == 1).factor == 1


def test_auto_stream_resumes_with_the_factor_it_chose() -> None:
    def make() -> Pipeline:
        return Pipeline(range(400)).read().echo("auto").batch(4)

    pipe = make()
    pipe._chosen = Fraction(5, 2), 0, 60
    wanted = [b.tolist() for b in pipe]
    pipe = make()
    pipe._chosen = Fraction(5, 2), 0, 60
    got = []
    for b in pipe:
        got.append(b.tolist())
        if len(got) == 41:
            state = json.loads(json.dumps(pipe.state_dict()))
            break
    resumed = make()
    resumed.load_state_dict(state)
    assert got + [b.tolist() for b in resumed] == wanted


def test_a_scheduler_sized_before_auto_chose_is_warned_of() -> None:
    pipe = Pipeline(range(64)).read(lambda key: sleep(0.002) or key).echo("auto").batch(4)
    assert len(pipe) == 16
    with pytest.warns(UserWarning, match="steps_for"):
        list(pipe)


def test_edits_in_place_are_caught() -> None:
    def edit(x: Any) -> Any:
        x += 1
        return x

    for value in (torch.zeros, np.zeros):
        pipe = Pipeline([value(3) for _ in range(20)]).echo(2).augment(edit).batch(4)
        with pytest.raises((DataError, ValueError), match=r"changed in place|read-only"):
            list(pipe)


def test_a_step_that_edits_an_echoed_batch_is_caught() -> None:
    with pytest.raises(DataError, match="changed in place"):
        for x, _ in chain("batch", 2, "none"):
            x.add_(1)


def test_the_byte_cap_is_an_error_with_a_way_out() -> None:
    pipe = Pipeline(range(64)).read(lambda key: np.zeros(1000)).echo(2, max_bytes=20_000).batch(8)
    with pytest.raises(DataError, match="echo earlier"):
        list(pipe)


def test_an_error_names_stage_and_item() -> None:
    def bad(x: int) -> int:
        return 1 // (x - 30)

    pipe = Pipeline(range(64), shuffle=False).decode(bad, workers=2).batch(8)
    with pytest.raises(ZeroDivisionError) as caught:
        list(pipe)
    assert "stage 'decode', item 30" in caught.value.__notes__[0]


def test_a_state_of_another_pipeline_is_refused() -> None:
    state = chain("before", 2, "stride").state_dict()
    with pytest.raises(DataError, match="another pipeline"):
        chain("before", 3, "stride").load_state_dict(state)


def test_leaving_a_pass_early_stops_its_threads() -> None:
    before = threading.active_count()
    for _ in chain("before", 2, "stride", workers=4):
        break
    assert threading.active_count() == before


def test_metrics_and_gap() -> None:
    pipe = chain("before", 2, "stride")
    with pytest.raises(DataError, match="before the first batch"):
        pipe.metrics()
    with pytest.raises(DataError, match="before the first batch"):
        pipe.restart_metrics()
    for _, y in pipe:
        pipe.observe(torch.where(pipe.views == 0, 2.0, 0.5) * torch.ones(len(y)))
    metrics = pipe.metrics()
    assert metrics.gap == pytest.approx(1.5) and metrics.factor == 2
    assert {"read", "augment", "batch"} <= set(metrics.stages) and "echo 2" in str(metrics)


@pytest.mark.parametrize("place", ["before", "batch"])
@pytest.mark.parametrize("spread", ["stride", "none"])
def test_rates_are_those_that_the_caller_counts(place: str, spread: str) -> None:
    def counted() -> tuple[Metrics, int, int, float]:
        pipe, fresh, emitted, begin = chain(place, 2.5, spread), 0, 0, 0.0
        for number, (_, y) in enumerate(pipe):
            if number == 3:
                pipe.restart_metrics()
                begin = perf_counter()
            if number >= 3:
                emitted += len(y)
                fresh += int((pipe.views == 0).sum()) * len(y) // len(pipe.views)
                sleep(0.005)
        return pipe.metrics(), fresh, emitted, perf_counter() - begin

    metrics, fresh, emitted, taken = settled(
        counted, lambda now: abs(now[0].emitted_per_s * now[3] / now[2] - 1) < 0.15
    )
    assert metrics.fresh_per_s / metrics.emitted_per_s == pytest.approx(fresh / emitted)
    assert metrics.emitted_per_s == pytest.approx(emitted / taken, rel=0.15)


def test_a_short_pass_has_rates_too() -> None:
    pipe = echo([torch.zeros(4)] * 8, 1)
    list(pipe)
    assert pipe.metrics().emitted_per_s > 0
