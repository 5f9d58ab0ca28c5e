"""`apus serve model.apus`: answer the Open Inference Protocol over HTTP."""

import argparse
import json
import socket
from pathlib import Path

from apus._files import existing_file
from apus.runtime import Session


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `apus serve`."""
    parser.add_argument("model", help="an .apus file, or an ONNX model to compile in memory")
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

    from apus.serve import Limits, create_app

    model = existing_file(options.model)
    limits = Limits(options.max_batch, options.max_waiting, options.max_body_mib << 20)
    name = options.name or Path(model).stem
    app = create_app(Session(model, threads=options.threads), name, limits)
    with _listen(options.host, options.port) as listener:
        _announce(options, name, listener)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


def _announce(options: argparse.Namespace, name: str, listener: socket.socket) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http://{host}:{listener.getsockname()[1]}/v2/models/{name}"
    print(json.dumps({"url": url}) if options.json else f"serving {url} (Ctrl-C ends it)", flush=True)
