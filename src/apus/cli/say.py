"""`apus say "text" -o out.wav`: speech; from stdin too, or as raw PCM to a player."""

import argparse
import json
import os
import sys
import time
import warnings

from apus._files import file_to_be, write_atomically
from apus.errors import RunError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus say`."""
    parser.add_argument(
        "text", nargs="?", default="-", help="English or SSML (<speak>...); - reads it from stdin (default)"
    )
    parser.add_argument("-o", "--out", required=True, help="a .wav file; - writes raw PCM to stdout (24 kHz, mono,"
                        " 16-bit little-endian), such as for aplay -r 24000 -f S16_LE")  # fmt: skip
    parser.add_argument(
        "--model",
        help="a voice: hibari (default), or apus, trained here; or the folder of one of your own,"
        " or an ONNX file of hibari's architecture",
    )
    parser.add_argument("--rate", type=float, default=1.0, help="factor of the speed, 0.25 to 4 (default: 1)")
    parser.add_argument("--pitch", type=float, default=0.0, help="semitones up, -12 to 12 (default: 0)")
    parser.add_argument("--seed", type=int, default=0, help="of the breath in the voice (default: 0)")
    parser.add_argument("--threads", type=int, default=1, help="threads per layer (default: 1)")
    parser.add_argument("--precision", default="int8", choices=["int8", "fp32"], help="of the network (default: int8)")
    parser.add_argument(
        "--lexicon", metavar="TOML", help='how words are said that are yours: lines of word = "phonemes"'
    )
    parser.add_argument("--phonemes", action="store_true", help="also print what is said, and when, to stderr")


def run(options: argparse.Namespace) -> int:
    """Say it."""
    import numpy as np

    from apus.speech.sound import pcm, wav
    from apus.speech.voice import Voice
    from apus.speech.voices import DEFAULT

    if options.out != "-":
        file_to_be(options.out)
    text = sys.stdin.read() if options.text == "-" else options.text
    name, threads = options.model or DEFAULT, _threads(options.threads)
    voice = Voice(name, threads=threads, precision=options.precision, lexicon=options.lexicon)
    start, chunks = time.perf_counter(), []
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        plan = voice.stream(text, rate=options.rate, pitch=options.pitch, seed=options.seed)
    for one in told:
        print(f"warning: {one.message}", file=sys.stderr)
    for chunk in plan:
        chunks.append(chunk.samples)
        if options.phonemes and chunk.phonemes:
            print(chunk.phonemes, *(f"{end:.3f}" for end in chunk.ends), file=sys.stderr)
        if options.out == "-":
            os.write(sys.stdout.fileno(), pcm(chunk.samples))
    if options.out != "-":
        samples = np.concatenate(chunks)
        write_atomically(options.out, wav(samples, voice.rate))
        _report(options, len(samples) / voice.rate, time.perf_counter() - start)
    return 0


def _threads(count: int) -> int:
    if count < 1:
        raise RunError(f"--threads {count}; give 1 or more")
    return count


def _report(options: argparse.Namespace, seconds: float, took: float) -> None:
    found = {"out": options.out, "seconds": round(seconds, 3), "took_s": round(took, 3)}
    print(json.dumps(found) if options.json else f"{options.out}: {seconds:.2f} s of speech in {took:.2f} s")
