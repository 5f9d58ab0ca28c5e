import pytest

from apus.training.schedule import rate


def shares(schedule, warmup=0.0, final=0.0):
    return [rate(t, 100, schedule=schedule, warmup=warmup, final=final) for t in range(100)]


def test_warmup_rises_in_equal_steps():
    assert shares("cosine", warmup=0.1)[:10] == pytest.approx([(t + 1) / 10 for t in range(10)])


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_falls_from_one_to_the_final_share(schedule):
    values = shares(schedule, warmup=0.2, final=0.1)
    assert values[20] == 1
    assert values[20:] == sorted(values[20:], reverse=True)
    assert values[60] == pytest.approx(0.55)
    assert 0.1 < values[-1] < 0.12


def test_constant_stays():
    assert set(shares("constant", final=0.1)) == {1.0}
