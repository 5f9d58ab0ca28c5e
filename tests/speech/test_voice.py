"""The voice of hibari on the engine, against hibari itself on ONNX Runtime; streams against the whole."""

import random

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from apus.errors import ApusError, CompileError, RunError
from apus.speech import Voice
from apus.speech.features import cepstra, dct
from apus.speech.hibari import LONGEST, load, pieces
from apus.speech.parts import parts
from apus.speech.sound import pcm, wav
from apus.speech.voices import locate

SENTENCES = ("Hello there.", "On 3/4/2024, it cost $12.50 at 7:30 pm.", "The quick brown fox jumps over the lazy dog!")

VOWELS = frozenset("AIOQWYaiouæɐɑɒɔəɚɛɜɪʊʌᵊᵻ")


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice()


def bark(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    """dB of 24 bands by frame."""
    found: NDArray[np.float64] = 10 * (cepstra(audio) @ dct())
    return found


def test_it_says_what_hibari_says(voice: Voice) -> None:
    from hibari import Hibari

    peer, exact = Hibari(threads=1), Voice(precision="fp32")
    for text in SENTENCES:
        ours, theirs = exact.say(text, seed=0), peer(text, seed=0)
        assert len(ours) == len(theirs)
        off = abs(bark(ours) - bark(theirs))[(bark(theirs) > -30).any(1)]
        assert off.mean() < 1.5  # dB; theirs rounds every activation to 8 bits, ours none


def test_precisions_have_names() -> None:
    with pytest.raises(ValueError, match="precision='int4'; there are int8, fp32"):
        Voice(precision="int4")  # type: ignore[arg-type]


def test_parts_are_onnxruntimes(voice: Voice) -> None:
    model, network = onnx.load(locate("hibari")), load(locate("hibari"), 1, "fp32")
    rng = np.random.default_rng(0)
    feeds = {
        "text": {"ids": rng.integers(1, 100, (1, 19)), "speed": np.ones(1, np.float32)},
        "melody": {"/Gather_33_output_0": rng.standard_normal((1, 192, 31), np.float32)},
        "spectra": {
            "/Reshape_42_output_0": rng.standard_normal((1, 128, 62), np.float32),
            "/Reshape_41_output_0": np.abs(rng.standard_normal((1, 2, 62), np.float32)) + 1,
        },
    }
    for name, part in parts(model).items():
        peer = onnxruntime.InferenceSession(part.SerializeToString(), providers=["CPUExecutionProvider"])
        for found, wanted in zip(
            getattr(network, name).run(None, feeds[name]), peer.run(None, feeds[name]), strict=True
        ):
            np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-3)


def test_streams_are_the_whole(voice: Voice) -> None:
    text = " ".join(SENTENCES)
    chunks = list(voice.stream(text, seed=7))
    assert len(chunks) == 3 and all(chunk.ends[-1] * voice.rate <= len(chunk.samples) for chunk in chunks)
    np.testing.assert_array_equal(np.concatenate([c.samples for c in chunks]), voice.say(text, seed=7))
    assert not np.array_equal(voice.say(text, seed=8), voice.say(text, seed=7))


def test_two_threads_say_the_same(voice: Voice) -> None:
    np.testing.assert_array_equal(Voice(threads=2).say(SENTENCES[1]), voice.say(SENTENCES[1]))


def test_rate_and_pitch(voice: Voice) -> None:
    text = SENTENCES[2]
    plain, fast = voice.say(text), voice.say(text, rate=2)
    assert len(fast) == pytest.approx(len(plain) / 2, rel=0.15)
    assert len(voice.say(text, pitch=5)) == len(plain)
    ids = voice._front.numbers(voice.phonemes(text)[0])
    low, high = (voice._network(ids, 1.0, pitch)[0][-1] for pitch in (0.0, 12.0))
    np.testing.assert_allclose(high, 2 * low, rtol=1e-5)


def test_ssml_pauses_and_phonemes(voice: Voice) -> None:
    chunks = list(voice.stream('<speak>Yes.<break time="500ms"/><phoneme ph="nˈO">X</phoneme>.</speak>'))
    assert [c.phonemes for c in chunks] == ["jˈɛs.", "", "nˈO."]
    assert len(chunks[1].samples) == 12000 and not chunks[1].samples.any()


def test_what_cannot_be_said_is_told(voice: Voice) -> None:
    with pytest.raises(RunError, match="nothing to say in 'Привет': no voice for 'Привет'"):
        voice.say("Привет")
    for nothing in ("", " \n", "...", "\u200b", "<speak/>"):
        with pytest.raises(RunError, match="nothing to say"):
            voice.say(nothing)
    with pytest.warns(UserWarning, match="for want of a voice: Да"):
        voice.say("Yes, Да.")
    for wrong in ({"rate": 5.0}, {"pitch": -13.0}, {"seed": -1}, {"rate": float("nan")}):
        with pytest.raises(RunError):
            voice.say("Yes", **wrong)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="no phoneme"):
        voice._front.numbers("§")


def test_no_other_model_passes_for_a_voice() -> None:
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    info = [onnx.helper.make_tensor_value_info(n, 1, [1]) for n in "xy"]
    with pytest.raises(CompileError, match="no voice of hibari"):
        parts(onnx.helper.make_model(onnx.helper.make_graph([node], "g", info[:1], info[1:])))


def odd_texts(count: int, longest: int) -> list[str]:
    """Words, numbers, addresses, emoji, other scripts, punctuation, broken SSML, mixed without sense."""
    rng = random.Random(0)
    words = ["hello", "Dr.", "3/4/2024", "$1,250.99", "7:30pm", "https://a.b/c?d=e", "x@y.z", "1e10", "IV", "U.S.A."]
    words += [
        "don't",
        "naïve",
        "#1",
        "100%",
        "&",
        "...",
        "—",
        "''",
        "\n\n",
        "[a](/b/)",
        "[",
        "](",
        "\t",
        "\x00",
        "a" * 32,
    ]
    signs = ["😀", "\U0001f469\u200d\U0001f467", "日本", "Привет", "½", "§", "\u0301", "\ud83d", "٣"]
    bits = [*words, *signs, "<speak>", "</speak>", "<break/>"]
    texts = []
    for place in range(count):
        size, text = 1 + longest * place // count, ""
        while len(text) < size:
            text += rng.choice(bits) + rng.choice([" ", "", ", ", ". "])
        texts.append(text[:size])
    return texts


@pytest.mark.filterwarnings("ignore:left out")
def test_odd_texts_become_phonemes_or_an_error(voice: Voice) -> None:
    for text in odd_texts(500, 300):
        try:
            found = voice.phonemes(text)
        except RunError as error:
            assert str(error)
            continue
        assert found and all(0 < len(phonemes) <= LONGEST for phonemes in found)
        for phonemes in found:
            voice._front.numbers(phonemes)


@pytest.mark.slow
@pytest.mark.timeout(3600)  # half a million characters
@pytest.mark.filterwarnings("ignore:left out")
@pytest.mark.parametrize("name", ["hibari", "apus"])
def test_odd_texts_become_sound_or_an_error(name: str) -> None:
    voice, spoken = Voice(name), 0
    for text in [*odd_texts(500, 4096), "", "?!", "<speak>a<b>", "<speak>One<break time='9'/></speak>", "A."]:
        try:
            left = voice.phonemes(text)
        except ApusError as error:
            assert str(error)
            continue
        said, loudest = "", 0.0
        for chunk in voice.stream(text):
            assert np.isfinite(chunk.samples).all()
            assert not chunk.ends or chunk.ends[-1] * voice.rate <= len(chunk.samples) + 1
            said, loudest = said + chunk.phonemes, max(loudest, abs(chunk.samples).max(initial=0))
            if left and said == left[0]:
                assert loudest > 0.01 or VOWELS.isdisjoint(said), said  # "b" by itself is next to nothing
                del left[0]
                said, loudest = "", 0.0
        assert not left and not said  # nothing is cut off
        spoken += 1
    assert spoken > 300


def test_long_words_are_cut_between_words() -> None:
    text = "ab, " * 60 + "cd " * 100 + "e" * 500
    found = pieces(text)
    assert "".join(found).replace(" ", "") == text.replace(" ", "") and max(map(len, found)) <= LONGEST


def test_wav_and_pcm() -> None:
    samples = np.array([0, 0.5, -1, 3], np.float32)
    assert np.frombuffer(pcm(samples), "<i2").tolist() == [0, 16384, -32767, 32767]
    file = wav(samples, 24000)
    assert file[:4] == b"RIFF" and len(file) == 44 + 8 and int.from_bytes(file[40:44], "little") == 8
