"""`apus serve model.apus`: answer the Open Inference Protocol over HTTP; `apus serve --speech`: OpenAI's speech."""

import argparse
import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apus._files import existing_file
from apus.errors import RunError
from apus.runtime import Session

if TYPE_CHECKING:
    from apus.serve import Limits


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus serve`."""
    parser.add_argument("model", nargs="?", help="an .apus file, or an ONNX model to compile in memory; with --speech"
                        " a voice: hibari (default), apus, or a path")  # fmt: skip
    parser.add_argument("--speech", action="store_true", help="serve a voice: POST /v1/audio/speech, as OpenAI's")
    parser.add_argument(
        "--lexicon", metavar="TOML", help='with --speech: how words are said: lines of word = "phonemes"'
    )
    parser.add_argument("--name", help="of the model in the paths (default: that of the file)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine)")
    parser.add_argument("--port", type=int, default=8000, help="0 for any that is free (default: 8000)")
    parser.add_argument("--threads", type=int, help="threads per layer (default: every usable core)")
    parser.add_argument("--max-batch", type=int, default=1, help="rows that waiting requests may be stacked to, where"
                        " each row's result depends on that row alone (default: 1, never)")  # fmt: skip
    parser.add_argument("--max-waiting", type=int, default=64, help="requests that may wait for a turn (default: 64)")
    parser.add_argument("--max-body-mib", type=int, default=64, help="largest request, MiB (default: 64)")


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    import uvicorn

    if not 0 <= options.port <= 65535:
        raise RunError(f"--port {options.port}: ports are 0 to 65535")
    app, path = _speech(options) if options.speech else _model(options)
    with _listen(options.host, options.port) as listener:
        _announce(options, path, listener)
        with suppress(KeyboardInterrupt):  # the way out that was announced, once requests under way are answered
            uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
    return 0


def _model(options: argparse.Namespace) -> tuple[Any, str]:
    from apus.serve import create_app

    if options.model is None:
        raise RunError("apus serve needs a model, or --speech")
    model = existing_file(options.model)
    name = options.name or Path(model).stem
    return create_app(Session(model, threads=options.threads), name, _limits(options)), f"/v2/models/{name}"


def _speech(options: argparse.Namespace) -> tuple[Any, str]:
    from apus.serve.speech import create_speech_app
    from apus.speech import Voice
    from apus.speech.voices import DEFAULT

    voice = Voice(options.model or DEFAULT, threads=options.threads or 1, lexicon=options.lexicon)
    return create_speech_app(voice, _limits(options)), "/v1/audio/speech"


def _limits(options: argparse.Namespace) -> "Limits":
    from apus.serve import Limits

    return Limits(options.max_batch, options.max_waiting, options.max_body_mib << 20)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


def _announce(options: argparse.Namespace, path: str, listener: socket.socket) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http://{host}:{listener.getsockname()[1]}{path}"
    print(json.dumps({"url": url}) if options.json else f"serving {url} (Ctrl-C ends it)", flush=True)
