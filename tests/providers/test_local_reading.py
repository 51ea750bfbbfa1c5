"""How much of an embedding request the engine is given at a time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from miniclaude.engine.request import Output
from miniclaude.errors import InvalidRequestError
from miniclaude.providers import local_reading
from miniclaude.providers.loaded import LoadedModel
from miniclaude.providers.local import Local
from miniclaude.providers.local_reading import AT_ONCE, TOKENS_AT_ONCE, embed_texts
from miniclaude.server.wire.embeddings import EmbeddingBody

pytestmark = pytest.mark.anyio

INFO = SimpleNamespace(context=4096, kv_tokens=4096, vocab_size=9)
LOADED = cast("LoadedModel", SimpleNamespace(info=INFO))


class Engine:
    """Ends one text at a time, the one that came first; notes how much it had at most."""

    def __init__(self) -> None:
        self.reading: list[int] = []
        self.most_tokens = self.most_texts = 0

    async def embed(self, loaded: LoadedModel, prompt: tuple[int, ...], user: str) -> Output:
        self.reading.append(len(prompt))
        self.most_texts = max(self.most_texts, len(self.reading))
        if len(self.reading) > 1:
            self.most_tokens = max(self.most_tokens, sum(self.reading))
        for _ in range(3):
            await asyncio.sleep(0)
        self.reading.remove(len(prompt))
        made: Any = SimpleNamespace(prompt_tokens=len(prompt), embedding=(float(len(prompt)),))
        return cast("Output", made)


@pytest.mark.parametrize("lengths", [[100] * 50, [2000, 3, 4000, 600, 600, 1] * 3, [1] * 99])
async def test_a_long_batch_leaves_room_for_others(
    monkeypatch: pytest.MonkeyPatch, lengths: list[int]
) -> None:
    """The engine reads prompts as they come: sixteen long texts at once would make every chat that
    begins meanwhile wait for all of them."""
    engine = Engine()
    monkeypatch.setattr(local_reading, "_embed", engine.embed)
    found = await embed_texts(LOADED, [(1,) * length for length in lengths])
    assert [vector[0] for vector in found.vectors] == lengths
    assert found.prompt_tokens == sum(lengths)
    assert engine.most_tokens <= TOKENS_AT_ONCE
    assert 1 < engine.most_texts <= AT_ONCE


async def test_a_failure_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    async def embed(loaded: LoadedModel, prompt: tuple[int, ...], user: str) -> Output:
        if len(prompt) == 2:
            raise RuntimeError("It broke.")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(len(prompt))
        raise AssertionError

    monkeypatch.setattr(local_reading, "_embed", embed)
    with pytest.raises(RuntimeError, match="It broke"):
        await embed_texts(LOADED, [(1,), (1, 2), (1, 2, 3), *[(1,) * 700] * 2])
    assert sorted(ended) == [1, 3, 700], "the last one was never begun"


async def test_too_many_dimensions_are_refused_before_any_text_is_read(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand texts were read, and charged, only to be told what was known at the start."""
    read: list[int] = []
    embed = local_reading._embed

    async def watched(loaded: LoadedModel, prompt: tuple[int, ...], user: str) -> Output:
        read.append(len(prompt))
        return await embed(loaded, prompt, user)

    monkeypatch.setattr(local_reading, "_embed", watched)
    fields = {"model": "tiny", "input": ["hello", "there"]}
    request = EmbeddingBody.model_validate({**fields, "dimensions": 33})
    with pytest.raises(InvalidRequestError, match="33 are more than the 32") as caught:
        await local.embed(request.embedding_request("tiny"))
    assert caught.value.param == "dimensions"
    assert read == []
    request = EmbeddingBody.model_validate({**fields, "dimensions": 32})
    found = await local.embed(request.embedding_request("tiny"))
    assert [len(vector) for vector in found.vectors] == [32, 32]
