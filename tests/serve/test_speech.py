"""Speech over HTTP: OpenAI's own client, streams, and what is refused."""

import base64
import io
import json
import threading
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvicorn
from fastapi.testclient import TestClient
from openai import BadRequestError, InternalServerError, OpenAI

from apus.cli import serve
from apus.serve import Limits
from apus.serve.speech import create_speech_app
from apus.speech import Voice
from apus.speech.sound import pcm

TEXT = "Hello there. How are you?"


@pytest.fixture(scope="module")
def voice() -> Voice:
    return Voice()


@pytest.fixture
def client(voice: Voice) -> Iterator[TestClient]:
    with TestClient(create_speech_app(voice, Limits(max_body=20_000))) as made:
        yield made


def ask(client: TestClient, **fields: object) -> tuple[int, bytes]:
    answer = client.post("/v1/audio/speech", json={"model": "hibari", "voice": "heart", "input": TEXT} | fields)
    return answer.status_code, answer.content


def test_wav_pcm_and_events_hold_the_same_samples(client: TestClient, voice: Voice) -> None:
    wanted = pcm(voice.say(TEXT))
    with wave.open(io.BytesIO(ask(client)[1])) as file:
        assert file.readframes(file.getnframes()) == wanted
    assert ask(client, response_format="pcm") == (200, wanted)
    status, content = ask(client, stream_format="sse")
    events = [json.loads(line[6:]) for line in content.decode().splitlines() if line]
    assert status == 200 and events[-1]["type"] == "speech.audio.done" and len(events) == 3
    assert b"".join(base64.b64decode(event["audio"]) for event in events[:-1]) == wanted
    assert len(ask(client, speed=2.0, response_format="pcm")[1]) < 0.7 * len(wanted)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"input": ""}, "1 to 4,096 characters"),
        ({"input": "a" * 4097}, "1 to 4,096 characters"),
        ({"input": "..."}, "nothing to say"),
        ({"input": "<speak>"}, "SSML"),
        ({"speed": 5}, "speed=5"),
        ({"speed": True}, "speed=True"),
        ({"response_format": "mp3"}, "response_format='mp3' is not made here; take wav or pcm"),
        ({"stream_format": "x"}, "take audio or sse"),
        ({"volume": 3}, "'volume' is not known"),
    ],
)
def test_what_is_refused(client: TestClient, fields: dict[str, object], message: str) -> None:
    status, content = ask(client, **fields)
    error = json.loads(content)["error"]
    assert status == 400 and message in error["message"] and error["type"] == "invalid_request_error"


def test_bodies_paths_and_figures(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/v1/models").json()["data"][0]["id"] == "hibari"
    assert client.post("/v1/audio/speech", content=b"{").status_code == 400
    assert client.post("/v1/audio/speech", content=b"[]").status_code == 400
    assert client.post("/v1/audio/speech", content=b" " * 20_001).status_code == 413
    assert "GET /x" in client.get("/x").json()["error"]["message"]
    ask(client, response_format="pcm")
    figures = dict(line.split() for line in client.get("/metrics").text.splitlines())
    assert figures["apus_speech_open"] == "0" and int(figures["apus_speech_samples"]) > 24_000
    assert figures["apus_speech_requests"] == "4" and figures["apus_speech_refused"] == "4"


@pytest.fixture
def address(voice: Voice) -> Iterator[str]:
    """A server of one open request at a time."""
    with serve._listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(create_speech_app(voice, Limits(max_waiting=1)), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        server.should_exit = True
        thread.join()


def test_openais_client(address: str, voice: Voice) -> None:
    with OpenAI(base_url=address, api_key="none", max_retries=0) as peer:
        spoken = peer.audio.speech.create(model="hibari", voice="heart", input=TEXT, response_format="pcm")
        assert spoken.content == pcm(voice.say(TEXT))
        with pytest.raises(BadRequestError, match="nothing to say"):
            peer.audio.speech.create(model="hibari", voice="heart", input="?", response_format="wav")
        with peer.audio.speech.with_streaming_response.create(
            model="hibari", voice="heart", input=TEXT * 5, response_format="pcm"
        ) as stream:
            parts = list(stream.iter_bytes())
        assert len(parts) > 1 and b"".join(parts) == pcm(voice.say(TEXT * 5))


def test_too_many_are_told_to_come_back(address: str) -> None:
    def ask_for(_: int) -> int:
        try:
            peer.audio.speech.create(model="hibari", voice="heart", input=TEXT * 20, response_format="wav")
        except InternalServerError as told:
            assert "come back later" in str(told)
            return told.status_code
        return 200

    with OpenAI(base_url=address, api_key="none", max_retries=0) as peer, ThreadPoolExecutor(6) as threads:
        assert set(threads.map(ask_for, range(24))) == {200, 503}
