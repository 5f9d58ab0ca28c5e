"""Every route, answers equal to the session's, and refusals that name the field; also through a real server."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving import body, feed, network, session

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from apus.errors import RunError
from apus.serve import Limits, create_app

INFER = "/v2/models/net/infer"


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(session(), "net", Limits(max_body=2000))) as client:
        yield client


def refusal(client: TestClient, content: Any, status: int = 400) -> str:
    """The message with which `content` is refused."""
    answer = client.post(INFER, content=content if isinstance(content, str) else json.dumps(content))
    assert answer.status_code == status, answer.text
    message: str = answer.json()["error"]
    return message


def test_health_and_metadata(client: TestClient) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2").json()["name"] == "apus"
    assert client.get("/v2/models/net/ready").json() == {"name": "net", "ready": True}
    model = client.get("/v2/models/net").json()
    assert model["inputs"][1] == {"name": "shift", "datatype": "FP32", "shape": [-1, 3]}
    assert [output["name"] for output in model["outputs"]] == ["y", "total"]


@pytest.mark.parametrize("nested", [True, False])
def test_infer_is_the_session(client: TestClient, nested: bool) -> None:
    arrays = feed(2)
    request = body(arrays) | {"id": "mine"}
    if not nested:
        request = body(arrays, data=arrays["x"].ravel().tolist()) | {"id": "mine"}
    answer = client.post(INFER, json=request).json()
    assert answer["model_name"] == "net" and answer["id"] == "mine"
    for output, expected in zip(answer["outputs"], session().run(None, arrays), strict=True):
        assert output["shape"] == list(expected.shape) and output["datatype"] == "FP32"
        np.testing.assert_array_equal(np.float32(output["data"]).reshape(expected.shape), expected)


def test_only_the_outputs_wanted_are_given(client: TestClient) -> None:
    answer = client.post(INFER, json=body(feed()) | {"outputs": [{"name": "total"}]}).json()
    assert [output["name"] for output in answer["outputs"]] == ["total"] and "id" not in answer


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "X"}, "inputs[0].name: no 'X'"),
        ({"name": 3}, "inputs[0].name must be a string"),
        ({"name": "shift"}, "inputs[1].name: 'shift' is given twice"),
        ({"datatype": "FP64"}, "inputs[0].datatype is 'FP64', but 'x' takes 'FP32'"),
        ({"shape": [2, -3]}, "inputs[0].shape must be a list of integers"),
        ({"shape": [2, True]}, "inputs[0].shape must be a list of integers"),
        ({"shape": [1] * 9}, "inputs[0].shape has 9 dimensions"),
        ({"shape": [3, 2]}, "inputs[0].data has shape [2, 3], but inputs[0].shape is [3, 2]"),
        ({"shape": [2, 2], "data": [1, 2, 3, 4]}, "input 'x' has shape [2, 2], but the model takes [N, 3]"),
        ({"shape": [1, 3], "data": [1, 2, 3]}, "dimension 'N' is 2 in input 'shift', but 1 in input 'x'"),
        ({"data": "AAAA"}, "inputs[0].data must be a list"),
        ({"data": [[1, 2, 3], [4, 5]]}, "inputs[0].data is not rectangular"),
        ({"data": [1, 2, 3, 4, 5, "6"]}, "inputs[0].data holds something else than FP32"),
        ({"data": [1, 2, 3, 4, 5, None]}, "inputs[0].data holds something else than FP32"),
        ({"data": [1, 2, 3, 4, 5, 1e39]}, "inputs[0].data holds a number too large for FP32"),
        ({"data": [1, 2, 3, 4, 5, 10**400]}, "inputs[0].data holds a number too large for FP32"),
    ],
)
def test_a_wrong_field_is_named(client: TestClient, changes: dict[str, Any], said: str) -> None:
    assert said in refusal(client, body(feed(), **changes))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[" * 900, "not JSON"),
        ('{"inputs": NaN}', "NaN, which is not JSON"),
        ("[]", "must be a JSON object"),
        ("{}", "inputs must be a list of objects"),
        ('{"inputs": [3]}', "inputs must be a list of objects"),
        ('{"inputs": []}', "input 'x', 'shift' is missing"),
        ('{"inputs": [], "id": 3}', "id must be a string"),
        ('{"inputs": [], "id": "\\ud800"}', "id must be a string"),
    ],
)
def test_a_wrong_document_is_refused(client: TestClient, content: str, said: str) -> None:
    assert said in refusal(client, content)


def test_wrong_outputs_models_paths_and_binary_tensors(client: TestClient) -> None:
    assert "outputs[0].name: no 'z'" in refusal(client, body(feed()) | {"outputs": [{"name": "z"}]})
    unknown = client.post("/v2/models/other/infer", json=body(feed()))
    assert unknown.status_code == 404 and "no model 'other'; this server has 'net'" in unknown.json()["error"]
    path = client.get("/v3")
    assert path.status_code == 404 and path.json()["error"] == "GET /v3: Not Found"
    binary = client.post(INFER, content="{}", headers={"Inference-Header-Content-Length": "2"})
    assert binary.status_code == 400 and "binary" in binary.json()["error"]


def test_a_body_too_long_is_not_held(client: TestClient) -> None:
    assert "at most 2000" in refusal(client, " " * 2001, 413)
    chunks = client.post(INFER, content=(b" " * 1000 for _ in range(3)))  # of no declared length
    assert chunks.status_code == 413 and "more than 2000" in chunks.json()["error"]


def test_what_json_cannot_say_is_an_error(client: TestClient) -> None:
    message = refusal(client, body(feed(), data=[3e38] * 6), 500)
    assert "output 'y' holds NaN or infinity" in message


def test_batches_need_a_common_first_dimension() -> None:
    with pytest.raises(RunError, match="max_batch"):
        create_app(session(2), "net", Limits(max_batch=2))
    with pytest.raises(RunError, match="max_waiting is 0"):
        Limits(max_waiting=0)


def test_the_command_serves_many_clients_at_once(tmp_path: Path) -> None:
    path = tmp_path / "net.apus"
    path.write_bytes(network())
    words = [sys.executable, "-m", "apus.cli", "serve", str(path), "--port", "0", "--max-batch", "8", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = json.loads(server.stdout.readline())["url"]

            def ask(seed: int) -> None:
                arrays = feed(1 + seed % 3, seed)
                request = urllib.request.Request(f"{url}/infer", json.dumps(body(arrays)).encode())
                with urllib.request.urlopen(request, timeout=30) as answer:
                    output = json.loads(answer.read())["outputs"][0]
                expected = session().run(["y"], arrays)[0]
                np.testing.assert_array_equal(np.float32(output["data"]).reshape(expected.shape), expected)

            with ThreadPoolExecutor(8) as clients:
                list(clients.map(ask, range(24)))
        finally:
            server.terminate()
        assert server.stderr is not None and server.stderr.read() == ""
