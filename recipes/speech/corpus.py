"""`python -m recipes.speech.corpus`: a synthetic speaker reads some thousand sentences.

The speaker is hibari-tts (Apache-2.0; a student of Kokoro-82M's `af_heart`): a synthetic American woman, no person. She
reads editorials, film and product reviews that come with VADER's paper (Hutto and Gilbert 2014, MIT). The model tells
the frames of each phoneme and its F0, so nothing is aligned or estimated.

Needs `pip install hibari-tts onnx`. Shards of 50 sentences go to the cache, outside the repository; what is there
already is not made again.
"""

import argparse
import io
import json
import tarfile
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from apus._files import write_atomically
from apus.data.fetch import cache_folder
from apus.speech.features import FEATURES, HOP, features

SHARD = 50
HELD_OUT = 20
"""Every 20th sentence is held out."""
SHORTEST, LONGEST = 30, 160
SENTENCES = "vaderSentiment-3.2.1.tar.gz"
SOURCES = ("nytEditorialSnippets", "movieReviewSnippets", "amazonReviewSnippets")


def sentences(archive: Path) -> list[str]:
    """Sentences of 30 to 160 characters in VADER's source archive: editorials, then films, then products.

    Args:
        archive: `vaderSentiment-3.2.1.tar.gz`.

    Returns:
        Distinct sentences that begin with a capital and end as a sentence does.
    """
    found: dict[str, None] = {}
    with tarfile.open(archive) as outer:
        inner = next(m for m in outer.getmembers() if m.name.endswith("hutto_ICWSM_2014.tar.gz"))
        with tarfile.open(fileobj=io.BytesIO(outer.extractfile(inner).read())) as texts:  # type: ignore[union-attr]
            for source in SOURCES:
                data = texts.extractfile(f"hutto_ICWSM_2014/{source}_GroundTruth.txt")
                for line in data.read().decode("utf-8", "replace").splitlines():  # type: ignore[union-attr]
                    text = line.split("\t")[-1].replace("''", '"').strip()
                    if SHORTEST <= len(text) <= LONGEST and text.isascii() and text[0].isupper() and text[-1] in ".!?":
                        found[text] = None
    return list(found)


class Speaker:
    """hibari with the frames of each phoneme as one output more."""

    def __init__(self) -> None:
        import onnx
        import onnxruntime
        from hibari import Hibari

        self.voice = Hibari(threads=1)
        spec = util.find_spec("hibari")
        assert spec is not None and spec.submodule_search_locations
        model = onnx.load(Path(spec.submodule_search_locations[0]) / "assets" / "hibari.onnx")
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info("/Clip_output_0"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def say(self, text: str, seed: int) -> dict[str, Any] | None:
        """One sentence: `phonemes` (P,), `durations` (P,) in frames, `audio` (T*HOP,) in 16 bits, `features` (T, 26).

        None for a text that is no single sentence, or that clips.
        """
        from hibari import dsp

        pieces = self.voice.phonemize(text)
        if len(pieces) != 1:
            return None
        ids = self.voice.ids(pieces[0])
        feed = {"ids": np.array([ids]), "speed": np.ones(1, np.float32)}
        *spectra, durations = self.session.run(None, feed)
        audio = dsp.synth(*(part[0] for part in spectra), np.random.default_rng(seed)).astype(np.float32)
        frames = 2 * np.round(durations.reshape(-1)).astype(np.int64)  # the model counts 25 ms
        f0 = np.asarray(spectra[-1][0], np.float32)
        if frames.sum() * HOP != len(audio) or np.abs(audio).max() >= 1:
            return None
        known = features(audio, f0).astype(np.float16)
        sound = np.round(audio * 32767).astype(np.int16)
        return {"phonemes": np.uint8(ids), "durations": np.uint8(frames), "audio": sound, "features": known}


def build(folder: Path, archive: Path, hours: float) -> float:
    """Make shards until `hours` of training speech are there.

    Args:
        folder: of the shards; made if need be.
        archive: the sentences.
        hours: of audio, above 0.

    Returns:
        Hours that are there now; fewer than asked when the sentences ran out.
    """
    texts, speaker, seconds = sentences(archive), None, 0.0
    for first in range(0, len(texts), SHARD):
        if seconds >= hours * 3600:
            break
        path = folder / f"{first // SHARD:04d}.npz"
        if not path.exists():
            speaker = speaker or Speaker()
            write_atomically(path, shard(speaker, texts[first : first + SHARD], first))
        with np.load(path) as made:
            seconds += made["audio"].size / (80 * HOP)
    return seconds / 3600


class Says(Protocol):
    """Whoever says a sentence, as `Speaker` does."""

    def say(self, text: str, seed: int) -> dict[str, Any] | None: ...


def shard(speaker: Says, texts: list[str], first: int) -> bytes:
    """A file of the sentences that the speaker says of these, numbered from `first` on."""
    said = [(i, text, speaker.say(text, first + i)) for i, text in enumerate(texts)]
    kept = [(i, text, one) for i, text, one in said if one]
    arrays: dict[str, NDArray[Any]] = {"index": np.array([first + i for i, _, _ in kept])}
    arrays["text"] = np.array([text for _, text, _ in kept])
    for name in ("phonemes", "durations", "audio", "features"):
        arrays[name] = np.concatenate([one[name] for _, _, one in kept])
    arrays["phoneme_counts"] = np.array([len(one["phonemes"]) for _, _, one in kept])
    arrays["frame_counts"] = np.array([len(one["features"]) for _, _, one in kept])
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def read(folder: Path, held_out: bool) -> Iterator[dict[str, Any]]:
    """Sentences of a corpus, in order, without those that `recipes.speech.unclear` found.

    Args:
        folder: that `build` filled.
        held_out: the 20th of the sentences that no training sees, or the others.

    Yields:
        `text`, `phonemes`, `durations`, `audio` and `features` of one sentence.
    """
    for path in sorted(folder.glob("*.npz")):
        page = path.with_suffix(".json")
        unclear = set(json.loads(page.read_text())) if page.exists() else set()
        for index, one in sentences_of(path):
            if (index % HELD_OUT == HELD_OUT - 1) == held_out and index not in unclear:
                yield one


def sentences_of(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and content of each sentence of a shard, as `read` has it."""
    with np.load(path) as file:
        found = dict(file)
    phonemes, frames = found["phoneme_counts"].cumsum(), found["frame_counts"].cumsum()
    for i, index in enumerate(found["index"].tolist()):
        p = slice(phonemes[i] - found["phoneme_counts"][i], phonemes[i])
        f = slice(frames[i] - found["frame_counts"][i], frames[i])
        yield (
            index,
            {
                "text": str(found["text"][i]),
                "phonemes": found["phonemes"][p],
                "durations": found["durations"][p],
                "audio": found["audio"][f.start * HOP : f.stop * HOP],
                "features": found["features"][f].reshape(-1, FEATURES),
            },
        )


def default_folder() -> Path:
    """Where the corpus is kept: `speech-corpus` in Apus's cache."""
    return cache_folder() / "speech-corpus"


def main() -> None:
    """Build and say what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", type=Path, required=True, help=f"{SENTENCES}, by"
                        " `pip download --no-deps --no-binary :all: vaderSentiment==3.2.1`")  # fmt: skip
    parser.add_argument("--out", type=Path, default=default_folder(), help="folder of the shards")
    parser.add_argument("--hours", type=float, default=5.0, help="of speech (default: 5)")
    options = parser.parse_args()
    found = build(options.out, options.archive, options.hours)
    print(f"{found:.2f} hours in {options.out}")


if __name__ == "__main__":
    main()
