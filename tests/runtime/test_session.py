"""Session: the same answers as ONNX Runtime, and errors that say what came and what was expected."""

from pathlib import Path
from threading import Thread

import numpy as np
import onnx
import onnxruntime
import pytest

import apus
from apus.errors import ArtifactError, RunError


@pytest.fixture(scope="module")
def session(convnet_apus: Path) -> apus.Session:
    return apus.Session(convnet_apus, threads=1)


@pytest.fixture(scope="module")
def expected(convnet: Path, images: np.ndarray) -> np.ndarray:
    judge = onnxruntime.InferenceSession(str(convnet), providers=["CPUExecutionProvider"])
    return judge.run(None, {"image": images})[0]


def test_every_kind_of_source_gives_the_reference(
    convnet: Path, convnet_apus: Path, images: np.ndarray, expected: np.ndarray
) -> None:
    sources = [convnet, str(convnet), convnet.read_bytes(), onnx.load(convnet), convnet_apus, convnet_apus.read_bytes()]
    for source in sources:
        (logits,) = apus.Session(source, threads=1).run(None, {"image": images})
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_describes_itself_as_onnxruntime_does(session: apus.Session, convnet: Path) -> None:
    theirs = onnxruntime.InferenceSession(str(convnet), providers=["CPUExecutionProvider"])
    for ours, other in ((session.get_inputs(), theirs.get_inputs()), (session.get_outputs(), theirs.get_outputs())):
        assert [(v.name, v.type, v.shape) for v in ours] == [(v.name, v.type, v.shape) for v in other]
    assert session.get_providers() == ["CPUExecutionProvider"]
    assert isinstance(session.get_modelmeta().custom_metadata_map, dict)


def test_takes_lists_and_strided_arrays(session: apus.Session, images: np.ndarray) -> None:
    want = session.run(None, {"image": images[:2]})[0]
    wide = np.repeat(images[:2], 2, axis=3)[..., ::2]
    assert not wide.flags.c_contiguous
    big_endian = images[:2].astype(">f4")
    misaligned = np.frombuffer(b"?" + images[:2].tobytes(), np.float32, offset=1).reshape(images[:2].shape)
    assert not misaligned.flags.aligned
    for value in (images[:2].tolist(), wide, big_endian, misaligned):
        np.testing.assert_array_equal(session.run(None, {"image": value})[0], want)


def test_only_a_plain_feed_of_known_shape_is_taken_as_it_comes(convnet_apus: Path, images: np.ndarray) -> None:
    session, feed = apus.Session(convnet_apus, threads=1), {"image": images[:2]}
    take, names = session._engine.run_feed, ("image",)
    assert take(names, feed) is None  # there is no plan yet
    (want,) = session.run(None, feed)
    np.testing.assert_array_equal(take(names, feed)[0], want)
    others = [images[:2].tolist(), images[:2].astype(np.float64), np.ma.masked_array(images[:2]), images[:3], None]
    for feed in (*({"image": other} for other in others), {}, {"imag": images[:2]}, {"image": images[:2], "more": 1}):
        assert take(names, feed) is None


def test_any_batch_and_any_number_of_threads_agree(convnet_apus: Path, images: np.ndarray) -> None:
    one, two = (apus.Session(convnet_apus, threads=threads) for threads in (1, 2))
    assert (one.threads, two.threads) == (1, 2)
    for batch in (1, 3, 32, 1):
        feed = {"image": images[:batch]}
        np.testing.assert_array_equal(one.run(None, feed)[0], two.run(None, feed)[0])


def test_threads_may_share_a_session(session: apus.Session, images: np.ndarray) -> None:
    want = [session.run(None, {"image": images[i : i + 1]})[0] for i in range(4)]
    got: dict[int, np.ndarray] = {}

    def work(i: int) -> None:
        for _ in range(50):
            got[i] = session.run(None, {"image": images[i : i + 1]})[0]

    workers = [Thread(target=work, args=(i,)) for i in range(4)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    for i in range(4):
        np.testing.assert_array_equal(got[i], want[i])


def test_outputs_do_not_change_by_the_next_run(session: apus.Session, images: np.ndarray) -> None:
    first = session.run(None, {"image": images[:1]})[0]
    kept = first.copy()
    session.run(None, {"image": images[1:2]})
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        ({"imge": 0}, "no input 'imge'; did you mean 'image'"),
        ({}, "input 'image' is missing"),
        ({"image": np.zeros((1, 1, 12, 12))}, r"is float64, but the model takes float32.*astype\(np.float32\)"),
        (
            {"image": np.zeros((1, 1, 12, 13), np.float32)},
            r"shape \[1, 1, 12, 13\], but the model takes \[batch, 1, 12",
        ),
        ({"image": np.zeros((12, 12), np.float32)}, r"shape \[12, 12\]"),
        ({"image": [["a"]]}, "cannot become an array of float32"),
    ],
)
def test_a_wrong_feed_is_refused(session: apus.Session, feed: dict[str, object], message: str) -> None:
    with pytest.raises(RunError, match=message):
        session.run(None, feed)


def test_outputs_are_chosen_by_name(session: apus.Session, images: np.ndarray) -> None:
    assert len(session.run(["logits", "logits"], {"image": images[:1]})) == 2
    assert len(session.run([], {"image": images[:1]})) == 1  # as in ONNX Runtime: no name asks for all
    with pytest.raises(RunError, match="no output 'logit'; did you mean 'logits'"):
        session.run(["logit"], {"image": images[:1]})


def test_profile_and_plan_name_every_layer(session: apus.Session, images: np.ndarray) -> None:
    measured = session.profile({"image": images[:1]}, runs=3)
    planned = session.plan({"image": [1, 1, 12, 12]})
    assert [row["name"] for row in measured] == [row["name"] for row in planned]
    assert all(row["microseconds"] >= 0 for row in measured)
    assert {"stem", "body", "residual"} <= {row["name"] for row in measured}


def test_a_missing_file_names_its_neighbours(convnet_apus: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"did you mean .*convnet\.apus"):
        apus.Session(convnet_apus.with_name("convnt.apus"))


def test_a_damaged_file_is_refused(convnet_apus: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.apus"
    content = bytearray(convnet_apus.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    with pytest.raises(ArtifactError):
        apus.Session(damaged)
    with pytest.raises(ArtifactError):
        apus.Session(bytes(content))


def test_arguments_are_checked(convnet_apus: Path) -> None:
    for threads in (0, -1):
        with pytest.raises(RunError, match=f"threads={threads}; give 1 or more"):
            apus.Session(convnet_apus, threads=threads)
    for what in ("2", 1.5, True):
        with pytest.raises(RunError, match=f"threads={what!r} is a {type(what).__name__}; give a whole number"):
            apus.Session(convnet_apus, threads=what)
        options = apus.SessionOptions()
        options.intra_op_num_threads = what
        with pytest.raises(RunError, match=r"intra_op_num_threads=.*give a whole number"):
            apus.Session(convnet_apus, options)
    assert apus.Session(convnet_apus, threads=np.int64(2)).threads == 2
    with pytest.raises(RunError, match="no argument device"):
        apus.Session(convnet_apus, device="cuda")


@pytest.mark.parametrize("feed", [None, np.zeros((1, 1, 12, 12), np.float32), [np.zeros((1, 1, 12, 12), np.float32)]])
def test_a_feed_without_names_is_shown_how(session: apus.Session, feed: object) -> None:
    with pytest.raises(RunError, match=rf"feed is a {type(feed).__name__}; .* {{'image': array}}"):
        session.run(None, feed)  # type: ignore[arg-type]


def test_a_bare_output_name_is_shown_how(session: apus.Session, images: np.ndarray) -> None:
    with pytest.raises(RunError, match=r"'logits' is a text; give a list, such as \['logits'\]"):
        session.run("logits", {"image": images})
