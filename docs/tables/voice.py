"""What the judges say of the voice that was trained here, and how fast it speaks."""

from tables.read import Results, detail, has, measured, value

SYSTEMS = {
    "corpus": "the corpus: hibari in ONNX Runtime",
    "hibari-int8": "hibari in this engine",
    "vocoder-dense": "its vocoder, dense, on the recordings' features",
    "vocoder-dense-fast": "with approximated activations",
    "vocoder-16x1": "and pruned in 16x1 blocks",
    "vocoder-16x1-int8": "and int8",
    "voice": "the whole voice, from text",
}


def judged(results: Results) -> str:
    """A row a system: words heard wrong, opinion, median pitch, distortion, bits a code."""
    lines = [
        "| who speaks | words wrong | Distill-MOS | median pitch | MCD | bits a code |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_line(results, key, name) for key, name in SYSTEMS.items() if has(results, f"quality-{key}", "opinion")]
    why = detail(results, "quality-corpus", "wer_pct")
    return "\n".join([*lines, "", _pruned(results), "", measured(results, why, "200 held-out sentences")])


def _pruned(results: Results) -> str:
    """What the listener makes of the shipped vocoder, against the dense one."""
    case, metric = "quality-vocoder-16x1-int8", "wer_points_vs_dense"
    row = next(r for r in results["rows"] if (r["case"], r["metric"]) == (case, metric))
    return (
        f"From the dense vocoder to the shipped one the words heard wrong change by {row['value']:+.2f} points"
        f" ({row['low']:+.2f} to {row['high']:+.2f} at 95 %); the whole voice's median pitch is"
        f" {value(results, 'quality-voice', 'median_f0_off_pct'):+.2f} % off the corpus's."
    )


def _line(results: Results, key: str, name: str) -> str:
    case = f"quality-{key}"

    def said(metric: str, form: str) -> str:
        return format(value(results, case, metric), form) if has(results, case, metric) else ""

    def spread(metric: str, form: str) -> str:
        if not has(results, case, metric):
            return ""
        row = next(r for r in results["rows"] if (r["case"], r["metric"]) == (case, metric))
        return f"{row['value']:{form}} ({row['low']:{form}} to {row['high']:{form}})"

    points = f", {spread('wer_points', '+.2f')}" if has(results, case, "wer_points") else ""
    cells = (
        f"{said('wer_pct', '.2f')} %{points}", spread("opinion", ".2f"), f"{said('median_f0', '.0f')} Hz",
        spread("cepstral_distortion_db", ".2f"), said("nll_bits", ".3f"),
    )  # fmt: skip
    return f"| {name} | {' | '.join(cells)} |"


def own(results: Results) -> str:
    """How fast it speaks, how soon, in how much memory."""
    why, rtf = detail(results, "end-to-end", "rtf"), value(results, "end-to-end", "rtf")
    late = value(results, "end-to-end", "first_audio_ms_p95")
    seconds, memory = (value(results, "end-to-end-command", name) for name in ("cold_start_s", "peak_rss_mb"))
    return (
        f"From text to samples it takes {rtf:.3f} of the time that it speaks ({why['characters']} characters,"
        f" {why['seconds']:.1f} s of speech in {why['ms']:.0f} ms); its first piece comes within {late:.0f} ms at p95."
        f"\nFrom the shell to a written file `apus say --model apus` takes {seconds:.2f} s and at most"
        f" {memory:.0f} MB; its files take {value(results, 'end-to-end', 'megabytes'):.1f} MB."
        f"\n\n{measured(results, why)}"
    )
