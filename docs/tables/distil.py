"""Tables of benchmarks/results/distill.json: one for each experiment, once it was trained to the end."""

from collections.abc import Callable

from tables.read import Results, detail, has, measured, size, value

HINTON = {
    "teacher": "two layers of 1200, taught with moved images and dropout",
    "alone": "two layers of 800, alone",
    "distilled": "two layers of 800, distilled: softened answers",
    "hidden": "two layers of 800, distilled: softened answers and hidden layers",
}
WORDS = {
    "8-8": "8-bit weights",
    "4-8": "4-bit weights",
    "2-8": "2-bit weights",
    "2-8-2layer": "2-bit weights, 2 + 2 layers",
}
DRAWINGS = {
    "clipart-teacher": "teacher: EfficientNet-Lite2, fp32",
    "clipart-student": "distilled: five stages of Lite0, fp32",
    "clipart-delivered": "the `.apus` file, int8, in the engine",
}


def hinton(results: Results) -> str:
    """Hinton's experiment beside the source's figures."""
    lines = ["| MNIST | wrong of 10,000, mean of 3 seeds | each | published |", "|---|---|---|---|"]
    for who, said in HINTON.items():
        case = f"mnist-mlp-{who}"
        why, mean = detail(results, case, "test_errors"), value(results, case, "test_errors")
        each = ", ".join(f"{errors:.0f}" for errors in why["errors"])
        lines.append(f"| {said} | {mean:.1f} | {each} | {why['published'] or ''} |")
    closed = {who: value(results, f"mnist-mlp-{who}", "gap_closed_pct") for who in ("distilled", "hidden")}
    why = detail(results, "mnist-mlp-hidden", "gap_closed_pct")
    said = (
        f"Softened answers alone close {closed['distilled']:.0f} % of the gap (published: 91 %), with the hidden layers"
        f" {closed['hidden']:.0f} %."
    )
    return "\n".join([*lines, "", said, measured(results, why)])


def words(results: Results) -> str:
    """Letters to phonemes in few bits."""
    teacher = value(results, "g2p-teacher", "word_accuracy_pct")
    lines = [
        "| 5,000 unseen words | all phonemes right | only calibrated | bytes of weights | smaller |",
        "|---|---|---|---|---|",
    ]
    large = detail(results, "g2p-teacher", "word_accuracy_pct")["bytes"]
    lines.append(f"| teacher: 3 + 3 layers, fp32 | {teacher:.2f} % | | {size(large)} | |")
    for case, said in WORDS.items():
        right, ratio = (value(results, f"g2p-dq-{case}", metric) for metric in ("word_accuracy_pct", "footprint_ratio"))
        why = detail(results, f"g2p-dq-{case}", "footprint_ratio")
        start, small = why["calibrated_pct"], size(why["bytes"])
        lines.append(f"| {said}, 8-bit activations | {right:.2f} % | {start:.2f} % | {small} | {ratio:.1f}x |")
    return "\n".join([*lines, "", measured(results, detail(results, "g2p-dq-8-8", "footprint_ratio"))])


def pitch(results: Results) -> str:
    """The small pitch network against CREPE's own two."""
    why = detail(results, "audio-student", "speedup_vs_teacher")
    own = detail(results, "audio-student", "within_50_cents_pct")
    near = {name: value(results, f"audio-{name}", "within_50_cents_pct") for name in ("student", "tiny")}
    us, best, sizes = why["us"], why["best_peer"], why["bytes"]
    quick = min((name for name in us if name.endswith("tiny")), key=us.__getitem__)
    lines = [
        "| pitch of real recordings | frames within 50 cents of CREPE full | a frame |",
        "|---|---|---|",
        f"| CREPE full, fp32, {best.split()[0]} | | {us[best]:,.0f} µs |",
        f"| CREPE tiny, fp32, {quick.split()[0]} | {near['tiny']:.1f} % | {us[quick]:,.0f} µs |",
        f"| the student's `.apus` file | {near['student']:.1f} % | {us['apus']:,.0f} µs |",
        "",
        f"{own['frames']:,} voiced test frames of {own['of']:,}; {size(sizes['student.apus'])} against the teacher's",
        f"{size(sizes['teacher.onnx'])}; **{us[best] / us['apus']:.0f}x** as fast as the best peer on the teacher.",
        measured(results, why),
    ]
    return "\n".join(lines)


def drawings(results: Results) -> str:
    """Drawings on a phone."""
    lines = ["| 600 drawings of ten kinds | parameters | accuracy |", "|---|---|---|"]
    for case, said in DRAWINGS.items():
        count = detail(results, case, "accuracy_pct").get("parameters")
        shown = f"{count:,}" if count else ""
        lines.append(f"| {said} | {shown} | {value(results, case, 'accuracy_pct'):.2f} % |")
    why = detail(results, "clipart-delivered", "accuracy_pct")
    said = f"The file has {size(why['bytes'])}."
    if has(results, "clipart-aarch64", "same_class_pct"):
        count = detail(results, "clipart-aarch64", "same_class_pct")["drawings"]
        share = value(results, "clipart-aarch64", "same_class_pct")
        said += f" The C example on an emulated AArch64 gives {share:.0f} % of {count} drawings the same class."
    return "\n".join([*lines, "", said, measured(results, why)])


def clothes(results: Results) -> str:
    """The mobile student of Fashion-MNIST."""
    lines = ["| Fashion-MNIST, mean of 3 seeds | parameters | accuracy |", "|---|---|---|"]
    for who in ("teacher", "alone", "distilled"):
        case = f"fashion-mobile-{who}"
        count = detail(results, case, "accuracy_pct")["parameters"]
        lines.append(f"| {who} | {count:,} | {value(results, case, 'accuracy_pct'):.2f} % |")
    drop, gain = (value(results, "fashion-mobile", f"{metric}_points") for metric in ("drop", "gain"))
    early = {
        who: detail(results, f"fashion-mobile-{who}", "accuracy_pct")["held_out_pct"] for who in ("alone", "distilled")
    }
    best = {who: max(found.values()) for who, found in early.items()}
    said = [
        f"Distilled it is {drop:.2f} points below its teacher and {gain:+.2f} from itself alone. After a quarter of the"
        f" steps, on 5,000 images held out, it was {best['distilled'] - best['alone']:+.2f}:",
        f"{best['distilled']:.2f} against {best['alone']:.2f} %.",
    ]
    why = detail(results, "fashion-mobile-distilled", "accuracy_pct")
    return "\n".join([*lines, "", *said, measured(results, why)])


def glosses(results: Results) -> str:
    """The three-layer reader, and what helped it."""
    starts = {
        "glosses-teacher": "teacher, 6 layers",
        "glosses-3layer-distilled": "3 of its layers, distilled",
        "glosses-3layer-alone": "3 of its layers, alone",
        "glosses-3layer-random": "3 layers from nothing, alone",
    }
    lines = ["| 26 kinds of noun, by their definitions | accuracy |", "|---|---|"]
    lines += [f"| {said} | {value(results, case, 'accuracy_pct'):.2f} % |" for case, said in starts.items()]
    drops = {bits: value(results, f"glosses-dq-{bits}", "drop_points") for bits in ("8-8", "2-8")}
    said = f"Joint with quantisation the student loses {drops['8-8']:.2f} points at 8 bits and {drops['2-8']:.2f} at 2."
    return "\n".join([*lines, "", said, measured(results, detail(results, "glosses-3layer", "kept_pct"))])


EXPERIMENTS: dict[str, Callable[[Results], str]] = {
    "mnist": hinton,
    "fashion": clothes,
    "glosses": glosses,
    "g2p": words,
    "pitch": pitch,
    "clipart": drawings,
}
