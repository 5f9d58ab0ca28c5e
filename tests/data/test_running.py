"""A pass: which threads it has, which counters, and how it ends."""

import threading
from fractions import Fraction

from apus.data.pipeline import Pipeline
from apus.data.running import Choice
from apus.techniques.echo import Schedule


def test_stages_in_one_thread_share_a_number() -> None:
    pipe = Pipeline(range(40)).read().map(abs, name="inline").decode(abs, workers=2).echo(2).augment(abs).batch(4)
    list(pipe)
    meters = {meter.name: meter for meter in pipe.running.meters}
    assert meters["source"].serial == meters["inline"].serial != meters["decode"].serial
    assert meters["augment"].serial == meters["batch"].serial and meters["augment"].echoed
    assert not meters["decode"].echoed and meters["decode"].workers == 2


def test_an_echo_runs_beside_its_upstream() -> None:
    pipe = Pipeline(range(40)).echo(2).batch(4)
    threads = threading.active_count()
    for _ in pipe:
        assert len(pipe.running.workers) == 2  # one before the echo, one before the step
        break
    assert threading.active_count() == threads


def test_a_choice_is_made_once_and_a_closed_pass_does_not_wait() -> None:
    choice = Choice()
    made = Schedule(Fraction(2))
    choice.make(made)
    choice.make(Schedule(Fraction(3)))
    assert choice.wait() is made
    closed = Choice()
    closed.make(None)
    assert closed.wait().factor == 1
