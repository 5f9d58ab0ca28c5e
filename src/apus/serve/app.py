"""The routes of the Open Inference Protocol, version 2, for one model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from apus import __version__
from apus.errors import RunError
from apus.runtime import Session
from apus.serve.batching import Batcher
from apus.serve.body import read_body
from apus.serve.limits import Limits
from apus.serve.refusal import Refusal
from apus.serve.request import parse
from apus.serve.tensors import describe, encode


def create_app(session: Session, name: str, limits: Limits | None = None) -> FastAPI:
    """A web application; serve it with one worker process per session.

    Args:
        session: what runs; requests take turns on it.
        name: of the model, in the paths.
        limits: bounds; `Limits()` by default.

    Returns:
        An ASGI application.

    Raises:
        RunError: the model cannot be batched, and `limits` asks for it.
    """
    limits = limits or Limits()
    batcher = Batcher(session, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        work = asyncio.create_task(batcher.work())
        yield
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work

    app = FastAPI(title="Apus", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    _add_errors(app)
    _add_server(app)
    _add_model(app, session, name, batcher, limits)
    return app


def _add_errors(app: FastAPI) -> None:
    """Every error is `{"error": text}`, as the protocol has it."""

    @app.exception_handler(Refusal)
    async def refused(_: Request, error: Refusal) -> JSONResponse:
        headers = {"Retry-After": "1"} if error.status == 503 else None
        return JSONResponse({"error": str(error)}, error.status, headers)

    @app.exception_handler(RunError)
    async def wrong(_: Request, error: RunError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 400)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        message = f"{request.method} {request.url.path}: {error.detail}"
        return JSONResponse({"error": message}, error.status_code, error.headers)


def _add_server(app: FastAPI) -> None:
    @app.get("/v2")
    async def server() -> dict[str, Any]:
        return {"name": "apus", "version": __version__, "extensions": []}

    @app.get("/v2/health/live")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @app.get("/v2/health/ready")
    async def ready() -> dict[str, bool]:
        return {"ready": True}


def _add_model(app: FastAPI, session: Session, served: str, batcher: Batcher, limits: Limits) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    places = {arg.name: place for place, arg in enumerate(outputs)}

    def check(name: str) -> None:
        if name != served:
            raise Refusal(f"no model {name!r}; this server has {served!r}", 404)

    @app.get("/v2/models/{name}")
    async def model(name: str) -> dict[str, Any]:
        check(name)
        described = {"inputs": [describe(arg) for arg in inputs], "outputs": [describe(arg) for arg in outputs]}
        return {"name": served, "versions": [], "platform": "apus"} | described

    @app.get("/v2/models/{name}/ready")
    async def model_ready(name: str) -> dict[str, Any]:
        check(name)
        return {"name": served, "ready": True}

    @app.post("/v2/models/{name}/infer")
    async def infer(name: str, request: Request) -> JSONResponse:
        check(name)
        asked = parse(await _json_body(request, limits.max_body), inputs, outputs)
        arrays = await batcher.infer(asked.feed)
        answer: dict[str, Any] = {"model_name": served}
        if asked.id is not None:
            answer["id"] = asked.id
        answer["outputs"] = [encode(outputs[places[n]], arrays[places[n]]) for n in asked.outputs]
        return JSONResponse(answer)


async def _json_body(request: Request, most: int) -> bytes:
    if "inference-header-content-length" in request.headers:
        raise Refusal("binary tensors are not taken: send the data as JSON, without Inference-Header-Content-Length")
    return await read_body(request, most)
