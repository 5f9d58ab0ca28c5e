import numpy as np

from apus.data.augment import Augment, erase, shift

X = np.arange(2 * 4 * 5).reshape(2, 1, 4, 5).astype(np.uint8) + 1


def test_shift_moves_and_fills_with_zero():
    moved = shift(X, np.array([1, 0]), np.array([0, -2]))
    assert (moved[0, 0, 1:] == X[0, 0, :-1]).all()
    assert (moved[0, 0, 0] == 0).all()
    assert (moved[1, 0, :, :-2] == X[1, 0, :, 2:]).all()
    assert (moved[1, 0, :, -2:] == 0).all()


def test_erase_may_lie_partly_outside():
    gone = erase(X, np.array([-1, 2]), np.array([0, 4]), 2)
    assert (gone[0] == 0).sum() == 2
    assert (gone[1] == 0).sum() == 2
    assert (gone[1, 0, 2:4, 4] == 0).all()


def test_flip_mirrors_about_half():
    x = np.tile(X[:1], (400, 1, 1, 1))
    flipped = Augment(flip=True)(x, np.random.default_rng(0))
    count = sum((image == x[0, :, :, ::-1]).all() for image in flipped)
    assert 150 < count < 250
    assert all((image == x[0]).all() or (image == x[0, :, :, ::-1]).all() for image in flipped)


def test_shape_and_type_stay():
    out = Augment(2, True, 3)(X, np.random.default_rng(1))
    assert out.shape == X.shape
    assert out.dtype == X.dtype
