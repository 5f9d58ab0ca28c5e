"""The three networks of a voice in int8: scales of activations found once, from sentences, and not anew in each run.

What adds up along the network (residuals, and the depthwise convolutions and factors beside them) stays float32, and so
do durations: 8 bits there move whole phonemes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from numpy.typing import NDArray

from apus.compile.post_training import quantize
from apus.runtime import Session

SENTENCES = (
    "The tide went out before dawn, and the boats lay on the sand until noon.",
    "Why did you bring an umbrella on such a bright day?",
    "Seven hundred and forty-two people signed the letter!",
    "She measured the flour, poured the milk, and hummed an old tune while the oven warmed.",
    "No, thank you.",
    "Judge Vaughn asked whether the zinc mine would ever open again; nobody knew.",
    "Please call me back at half past eight, or leave a message with my office.",
    "Through the thick fog they heard an unusual, joyful noise.",
)
FLOAT = {
    "text": ("/convs.*/Add_1", "/convs.*/dw*", "/convs.*/Mul_2", "/Add_[0-9]*", "/Mul_[0-9]*", "/dur*"),
    "melody": ("/pro.*/Add_1", "/pro.*/dw/*", "/pro.*/Mul_2"),
    "spectra": ("/dec.*/Add_1", "/dec.*/dw/*", "/dec.*/Mul_2"),
}
"""Nodes that are not quantised, by part."""
Feed = dict[str, NDArray[Any]]


class Listener:
    """A session that keeps what it is fed."""

    def __init__(self, session: Session) -> None:
        self.session, self.feeds = session, list[Feed]()
        self.get_inputs = session.get_inputs

    def run(self, names: Sequence[str] | None, feed: Feed) -> list[NDArray[Any]]:
        """As the session's."""
        self.feeds.append(feed)
        return self.session.run(names, feed)


def in_int8(parts: Mapping[str, onnx.ModelProto], feeds: Mapping[str, Sequence[Feed]]) -> dict[str, onnx.ModelProto]:
    """Quantise the parts of a voice.

    Args:
        parts: of `apus.speech.parts.parts`.
        feeds: what each part was fed while sentences were said.

    Returns:
        QDQ models by the same names.

    Raises:
        NothingMatchedError: the model's nodes have other names than hibari's.
    """
    return {
        name: quantize(part, list(feeds[name]), ranges="minmax", bias_correction=False, exclude=FLOAT[name])
        for name, part in parts.items()
    }
