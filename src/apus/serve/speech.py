"""Speech over HTTP, shaped like OpenAI's: POST /v1/audio/speech in wav, pcm or server-sent events."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from apus import __version__
from apus.errors import RunError
from apus.serve.body import read_body
from apus.serve.limits import Limits
from apus.serve.refusal import Refusal
from apus.speech import Chunk, Voice
from apus.speech.sound import pcm, wav

LONGEST_INPUT = 4096
FORMATS = ("wav", "pcm")
STREAMS = ("audio", "sse")
FIELDS = ("model", "input", "voice", "response_format", "speed", "stream_format", "instructions")


@dataclass(slots=True)
class Counts:
    """What the server has done."""

    requests: int = 0
    refused: int = 0
    open: int = 0
    samples: int = 0
    names: tuple[str, ...] = field(default=("requests", "refused", "open", "samples"), init=False)

    def page(self) -> str:
        """As Prometheus reads them."""
        return "".join(f"apus_speech_{name} {getattr(self, name)}\n" for name in self.names)


@dataclass(frozen=True, slots=True)
class Order:
    """What a request asks for."""

    text: str
    form: str
    stream: str
    speed: float


def create_speech_app(voice: Voice, limits: Limits | None = None) -> FastAPI:
    """A web application; requests take turns on the voice, a sentence each.

    Args:
        voice: that speaks.
        limits: `max_waiting` requests at once and `max_body` bytes of each; `Limits()` by default.

    Returns:
        An ASGI application.
    """
    limits, counts = limits or Limits(), Counts()
    app = FastAPI(title="Apus", version=__version__, docs_url=None, redoc_url=None)
    speaker = _Speaker(voice, ThreadPoolExecutor(1, "apus-speech"), counts)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/metrics")
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(counts.page())

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": voice.name, "object": "model", "owned_by": "apus", "created": 0}]}

    @app.post("/v1/audio/speech")
    async def speech(request: Request) -> Response:
        counts.requests += 1
        order = parse(await read_body(request, limits.max_body))
        if counts.open >= limits.max_waiting:
            raise Refusal(f"{counts.open} requests are open already; come back later", 503)
        return await speaker.answer(order)

    _add_errors(app, counts)
    return app


class _Speaker:
    """Turns on one voice: whoever asks for a sentence waits for those who asked before."""

    def __init__(self, voice: Voice, turns: ThreadPoolExecutor, counts: Counts) -> None:
        self._voice, self._turns, self._counts = voice, turns, counts

    async def answer(self, order: Order) -> Response:
        self._counts.open += 1
        streams = False
        try:
            chunks = await self._run(lambda: self._voice.stream(order.text, rate=order.speed))
            streams = order.stream == "sse" or order.form == "pcm"
            if not streams:
                return Response(await self._run(lambda: self._file(chunks)), media_type="audio/wav")
            kind = "text/event-stream" if order.stream == "sse" else f"audio/pcm;rate={self._voice.rate}"
            return StreamingResponse(self._parts(chunks, order), media_type=kind)
        finally:
            self._counts.open -= not streams  # a stream closes itself

    def _file(self, chunks: Iterator[Chunk]) -> bytes:
        samples = np.concatenate([chunk.samples for chunk in chunks])
        self._counts.samples += len(samples)
        return wav(samples, self._voice.rate)

    async def _parts(self, chunks: Iterator[Chunk], order: Order) -> AsyncIterator[bytes]:
        try:
            while (chunk := await self._run(lambda: next(chunks, None))) is not None:
                self._counts.samples += len(chunk.samples)
                yield _event(chunk) if order.stream == "sse" else pcm(chunk.samples)
            if order.stream == "sse":
                yield b'data: {"type": "speech.audio.done"}\n\n'
        finally:
            self._counts.open -= 1

    async def _run(self, work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._turns, work)


def _event(chunk: Chunk) -> bytes:
    audio = base64.b64encode(pcm(chunk.samples)).decode()
    return f"data: {json.dumps({'type': 'speech.audio.delta', 'audio': audio})}\n\n".encode()


def parse(body: bytes) -> Order:
    """Check every field of a request.

    Args:
        body: JSON. `input` has at most 4,096 characters; `response_format` is wav (the default) or pcm, 24 kHz,
            16 bits, mono; `stream_format` audio or sse, whose events hold pcm; `speed` 0.25 to 4.

    Returns:
        What to do.

    Raises:
        Refusal: names the field that is wrong.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"the request is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Refusal("the request must be a JSON object")
    if unknown := [name for name in document if name not in FIELDS]:
        raise Refusal(f"{unknown[0]!r} is not known; there are {', '.join(FIELDS)}")
    text, speed = document.get("input"), document.get("speed", 1.0)
    if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_INPUT:
        raise Refusal(f"input must be text of 1 to {LONGEST_INPUT:,} characters")
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0.25 <= speed <= 4:
        raise Refusal(f"speed={speed!r} must be a number from 0.25 to 4")
    form, stream = _one_of(document, "response_format", FORMATS), _one_of(document, "stream_format", STREAMS)
    return Order(text, form, stream, float(speed))


def _one_of(document: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = document.get(name, known[0])
    if value not in known:
        raise Refusal(f"{name}={value!r} is not made here; take {' or '.join(known)}")
    return str(value)


def _add_errors(app: FastAPI, counts: Counts) -> None:
    """Every error as OpenAI's clients read it."""

    def told(message: str, status: int) -> JSONResponse:
        counts.refused += 1
        kind = "invalid_request_error" if status < 500 else "server_error"
        error = {"message": message, "type": kind, "param": None, "code": None}
        return JSONResponse({"error": error}, status, {"Retry-After": "1"} if status == 503 else None)

    @app.exception_handler(Refusal)
    async def refused(_: Request, error: Refusal) -> JSONResponse:
        return told(str(error), error.status)

    @app.exception_handler(RunError)
    async def wrong(_: Request, error: RunError) -> JSONResponse:
        return told(str(error), 400)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        return told(f"{request.method} {request.url.path}: {error.detail}", error.status_code)
