"""`POST /embeddings`."""

from __future__ import annotations

import base64
import struct
import threading
from typing import Any

import pytest

from miniclaude.providers.abilities import Embeddings
from miniclaude.server.routes import embeddings
from miniclaude.server.wire.embeddings import EmbeddingBody, embeddings_text
from tests.server.conftest import Served

pytestmark = pytest.mark.anyio


async def post(served: Served, **fields: Any) -> Any:
    body = {"model": "scripted/m", "input": "once", **fields}
    return await served.client.post("/v1/embeddings", json=body)


async def test_the_shape(shared: Served) -> None:
    assert (await post(shared)).json() == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.6, 0.0, 0.8]}],
        "model": "scripted/m",
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    }


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
    ],
)
async def test_the_forms_of_the_input(served: Served, given: Any, asked: Any) -> None:
    answer = (await post(served, input=given)).json()
    assert served.scripted.embedded[-1].inputs == asked
    assert [entry["index"] for entry in answer["data"]] == list(range(len(asked)))


async def test_base64_is_little_endian_float32(shared: Served) -> None:
    [entry] = (await post(shared, encoding_format="base64")).json()["data"]
    vector = struct.unpack("<3f", base64.b64decode(entry["embedding"]))
    assert vector == pytest.approx((0.6, 0.0, 0.8))


async def test_fewer_dimensions_have_length_1_again(shared: Served) -> None:
    [entry] = (await post(shared, dimensions=2)).json()["data"]
    assert entry["embedding"] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input"),
        ({"input": ["a", 1]}, "input"),
        ({"input": [[]]}, "input"),
        ({"input": [-1]}, "input"),
        ({"input": ["a"] * 2049}, "input"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": 4}, "dimensions"),
        ({"dimensions": 10**9}, "dimensions"),
        ({"user": 5}, "user"),
        ({"normalize": True}, "normalize"),
        ({"model": "echo"}, "model"),
    ],
)
async def test_what_is_wrong_is_named(shared: Served, fields: dict[str, Any], param: str) -> None:
    response = await post(shared, **fields)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == param


async def test_who_gives_none_says_so(shared: Served) -> None:
    error = (await post(shared, model="echo")).json()["error"]
    assert "echo does not give embeddings" in error["message"]
    assert error["code"] == "unsupported_model"


async def test_many_vectors_are_written_beside_the_event_loop(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand of a large model's are tens of megabytes of digits: every stream of every client
    stood still while they were written."""
    threads: set[int] = set()

    def written(asked: EmbeddingBody, found: Embeddings) -> str:
        threads.add(threading.get_ident())
        return embeddings_text(asked, found)

    monkeypatch.setattr(embeddings, "embeddings_text", written)
    answer = (await post(served, input=["a"] * 2000)).json()
    assert threading.get_ident() not in threads
    assert [entry["index"] for entry in answer["data"]] == list(range(2000))
    assert answer["data"][-1]["embedding"] == [0.6, 0.0, 0.8]
    await post(served)
    assert threading.get_ident() in threads
