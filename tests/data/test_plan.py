"""Sizes of a pass, and what each stage needs in order to begin anywhere."""

from fractions import Fraction

from apus.data.plan import Plan, Stage
from apus.data.stages import Batch, Echo
from apus.techniques.echo import Schedule

ECHO = Echo(Fraction(5, 2), "none", None, 4, 1)
SCHEDULE = Schedule(Fraction(5, 2), "none")
BATCH = Batch(4, True, list)


def plan(*stages: Stage, lengths: list[int] | None = None) -> Plan:
    return Plan(stages, lengths, 0, SCHEDULE)


def test_counts_go_through_the_stages() -> None:
    assert plan(ECHO, BATCH, lengths=[10, 9]).counts() == [[10, 9], [25, 22], [5, 5]]
    assert plan(BATCH, ECHO, lengths=[10, 9]).counts() == [[10, 9], [2, 2], [5, 5]]
    assert plan(ECHO, BATCH).counts() == [None, None, None]
    assert plan(ECHO, lengths=[10, 9]).mine(1) == 22


def test_needs_go_back_through_them() -> None:
    # emission 8 is copy 1 of item 3, whose three copies are 7, 8, 9
    assert plan(ECHO, BATCH, lengths=[10]).needs(2) == [({3: 2}, 4), ({}, 8), ({}, 2)]
    # batch 1 has three copies, emissions 2, 3, 4; its examples are 4..7
    assert plan(BATCH, ECHO, lengths=[10]).needs(3) == [(dict.fromkeys(range(4, 8), 1), 8), ({1: 2}, 2), ({}, 3)]


def test_wanted_are_the_held_then_the_fresh() -> None:
    assert list(plan(BATCH, ECHO, lengths=[16]).wanted(0, ({1: 2}, 3))) == [1, 3]
