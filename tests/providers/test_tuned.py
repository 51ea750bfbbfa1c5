"""Tuned models answer like any other, beside their base, without a restart."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from miniclaude.engine.process import EngineSpec
from miniclaude.errors import CheckpointError, ModelNotFoundError
from miniclaude.messages import text_message
from miniclaude.model.adapter import load_adapter
from miniclaude.model.checkpoint import load_model
from miniclaude.model.library import Library
from miniclaude.providers.abilities import EmbeddingRequest
from miniclaude.providers.loaded import LoadedModels
from miniclaude.providers.local import Local
from miniclaude.tokenizer.chat_template import encode_chat
from miniclaude.tokenizer.load import load_tokenizer
from tests.providers.test_local import all_of, chat, text_of
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import CHATML, write_tiny_checkpoint

pytestmark = pytest.mark.anyio

GREEDY: dict[str, Any] = {"temperature": 0.0, "max_tokens": 6}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_tiny_checkpoint(tmp_path / "models" / "tiny")
    return tmp_path


@pytest.fixture
async def served(home: Path) -> AsyncIterator[Local]:
    library = Library(home / "models", None, home / "adapters")
    provider = Local(library, device="cpu", threads=1, max_loaded=3)
    yield provider
    await provider.aclose()


async def test_two_tuned_models_on_one_base(served: Local, home: Path) -> None:
    """They appear while the server runs, and say what the weights themselves say."""
    base = home / "models" / "tiny"
    plain = text_of(await all_of(chat(served, "tiny", **GREEDY)))
    names = [write_tiny_adapter(base, home / "adapters", seed=seed) for seed in (1, 2)]
    infos = {info.id: info for info in await served.models()}
    assert {infos[name].parent for name in names} == {"tiny"}
    assert {infos[name].root for name in names} == {"tiny"}
    assert {infos[name].owned_by for name in names} == {"us"}
    assert (infos["tiny"].root, infos["tiny"].parent) == ("tiny", "")
    said = {}
    for name in names:
        said[name] = text_of(await all_of(chat(served, name, **GREEDY)))
    assert len({plain, *said.values()}) == 3
    assert [loaded.model.name for loaded in served.loaded()] == ["tiny"]

    tokenizer = load_tokenizer(base)
    for name, text in said.items():
        model = load_model(base)
        load_adapter(model, home / "adapters" / name.rpartition(":")[2])
        ids = encode_chat(tokenizer, (text_message("user", "hello"),))
        with torch.no_grad():
            first = int(model(torch.tensor([ids]))[0, -1].argmax())
        assert text.startswith(tokenizer.decode([first])) or first in tokenizer.eos_ids


async def test_a_tuned_models_embeddings_are_its_own(served: Local, home: Path) -> None:
    """They once were its base's."""
    name = write_tiny_adapter(home / "models" / "tiny", home / "adapters", seed=1)
    vectors = [
        (await served.embed(EmbeddingRequest(model, ("hello there",)))).vectors
        for model in ("tiny", name)
    ]
    assert vectors[0] != vectors[1]


async def test_tuned_models_share_a_packed_base_too(home: Path) -> None:
    """They once had an engine each there, and as many copies of the base in memory."""
    library = Library(home / "models", None, home / "adapters")
    name = write_tiny_adapter(home / "models" / "tiny", home / "adapters", seed=1)
    provider = Local(library, device="cpu", dtype="int8", threads=1, max_loaded=3)
    try:
        said = [text_of(await all_of(chat(provider, one, **GREEDY))) for one in ("tiny", name)]
        assert said[0] != said[1]
        assert [loaded.model.name for loaded in provider.loaded()] == ["tiny"]
    finally:
        await provider.aclose()


async def test_a_whole_tuned_model(served: Local, home: Path) -> None:
    base = home / "models" / "tiny"
    whole = write_tiny_adapter(base, home / "adapters", whole=True)
    adapter = write_tiny_adapter(base, home / "adapters")
    answers = [text_of(await all_of(chat(served, name, **GREEDY))) for name in (whole, adapter)]
    assert answers[0] == answers[1] != ""


async def test_a_template_and_sampling_of_its_own(served: Local, home: Path) -> None:
    """What it was trained with is what it is served with."""
    base = home / "models" / "tiny"
    template = home / "chat_template.jinja"
    template.write_text(CHATML.replace("assistant", "system"))
    sampling = home / "generation_config.json"
    sampling.write_text(json.dumps({"do_sample": True, "top_k": 1}))
    name = write_tiny_adapter(base, home / "adapters", companions=[template, sampling])
    models = LoadedModels(served._library, lambda model: EngineSpec(model.weights, "cpu"), 1)
    async with models.use(name) as loaded, models.use("tiny") as plain:
        assert loaded.engine is plain.engine
        assert loaded.tokenizer.template is not None
        assert "system" in loaded.tokenizer.template.source(tools=False)
        assert loaded.sampling == {"top_k": 1}
        assert plain.tokenizer.template is not None
        assert "system" not in plain.tokenizer.template.source(tools=False)
        assert plain.sampling == {}
    await models.aclose()


async def test_tuned_models_answer_together(served: Local, home: Path) -> None:
    """In one batch of one engine, each as it does alone; one is made while the others answer."""
    base = home / "models" / "tiny"
    names = [write_tiny_adapter(base, home / "adapters", seed=seed) for seed in (1, 2, 3)]

    async def say(name: str) -> str:
        return text_of(await all_of(chat(served, name, temperature=0.0, max_tokens=12)))

    alone = [await say(name) for name in names]
    assert len(set(alone)) == 3
    together = asyncio.gather(*(say(name) for name in names))
    late = write_tiny_adapter(base, home / "adapters", seed=4)
    assert await say(late) not in alone
    assert await together == alone
    assert len(served.loaded()) == 1


async def test_an_adapter_with_lengths_of_its_own_has_its_own_engine(
    served: Local, home: Path
) -> None:
    """DoRA's lengths need the base's weights: it is merged into them, in a second process."""
    base = home / "models" / "tiny"
    name = write_tiny_adapter(base, home / "adapters", dora=True)
    text = text_of(await all_of(chat(served, name, **GREEDY)))
    assert [loaded.model.name for loaded in served.loaded()] == [name]
    model = load_model(base)
    load_adapter(model, home / "adapters" / name.rpartition(":")[2])
    tokenizer = load_tokenizer(base)
    ids = encode_chat(tokenizer, (text_message("user", "hello"),))
    with torch.no_grad():
        first = int(model(torch.tensor([ids]))[0, -1].argmax())
    assert text.startswith(tokenizer.decode([first])) or first in tokenizer.eos_ids


async def test_a_tuned_model_is_found_without_a_look_at_the_others(
    served: Local, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request looks it up several times, on the event loop: with five hundred adapters that
    were half a second in which nobody was answered."""
    base = home / "models" / "tiny"
    adapter = write_tiny_adapter(base, home / "adapters")
    whole = write_tiny_adapter(base, home / "adapters", whole=True)
    on_tuned = write_tiny_adapter(base, home / "adapters", base_name=whole)
    orphan = write_tiny_adapter(base, home / "adapters", base_name="gone")
    library = served._library
    listed = {model.name: model for model in library.list()}
    monkeypatch.setattr(Library, "list", lambda self: pytest.fail("it looked at every model"))
    for name in (adapter, whole, on_tuned, orphan):
        found, same = library.find(name), listed[name]
        assert replace(found, base=None) == replace(same, base=None)
        assert (found.base and found.base.path) == (same.base and same.base.path)
    monkeypatch.undo()
    other_name = adapter.replace(":mine:", ":yours:")
    with pytest.raises(ModelNotFoundError, match="is not installed"):
        library.find(other_name)


async def test_a_base_that_is_gone(served: Local, home: Path) -> None:
    name = write_tiny_adapter(home / "models" / "tiny", home / "adapters")
    shutil.rmtree(home / "models" / "tiny")
    with pytest.raises(ModelNotFoundError, match=rf"'{name}' is an adapter on 'tiny'"):
        await all_of(chat(served, name, **GREEDY))
    with pytest.raises(ModelNotFoundError, match="is an adapter on 'tiny'"):
        served.check(name)


async def test_an_adapter_of_another_shape_names_both(served: Local, home: Path) -> None:
    name = write_tiny_adapter(home / "models" / "tiny", home / "adapters")
    folder = home / "adapters" / name.rpartition(":")[2]
    for file, old, new in (
        ("adapter_config.json", '"r": 4', '"r": 8'),
        ("mini-claude.json", '"adapter_config.json"', '"README.md"'),
    ):
        (folder / file).write_text((folder / file).read_text().replace(old, new))
    with pytest.raises(CheckpointError, match=r"has shape \[4, 32\] where this model needs \[8, 3"):
        await all_of(chat(served, name, **GREEDY))
    assert text_of(await all_of(chat(served, "tiny", **GREEDY)))


async def test_a_base_that_was_replaced_is_loaded_anew(served: Local, home: Path) -> None:
    name = write_tiny_adapter(home / "models" / "tiny", home / "adapters")
    before = text_of(await all_of(chat(served, name, **GREEDY)))
    shutil.rmtree(home / "models" / "tiny")
    write_tiny_checkpoint(home / "models" / "tiny", seed=5, context=200)
    assert text_of(await all_of(chat(served, name, **GREEDY))) != before
