"""Many adapters on one engine: in one batch, loaded and dropped while it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from miniclaude.engine.adapters import Adapters
from miniclaude.engine.engine import Engine
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import AdapterRef, GenerationRequest, Output
from miniclaude.errors import CheckpointError, OverloadedError, UnsupportedFieldError
from miniclaude.model.adapter import load_adapter, save_adapter
from miniclaude.model.lora import LoraConfig, add_lora, fold, lora_parameters
from miniclaude.model.lora_batch import RowLoraLinear
from tests.engine.tiny import ByteVocabulary, ask, finishes, run, texts, tiny_engine, tiny_model

FAMILIES = ["gpt2", "llama", "experts"]
STORY = "Once upon a time there was a small model "


def write(
    folder: Path, family: str, seed: int, *, fill: float | None = None, **config: object
) -> str:
    """An adapter by chance; its rank and targets differ from seed to seed."""
    model = tiny_model(family)
    targets = {
        "gpt2": [("c_attn",), ("c_fc", "mlp.c_proj"), ("all-linear",)],
        "llama": [("attention.qkv",), ("mlp.up", "mlp.down"), ("all-linear",)],
        "experts": [("q_proj", "v_proj"), ("o_proj",), ("all-linear",)],
    }[family]
    settings = {"r": 2 + seed % 3, "alpha": 8, "targets": targets[seed % 3], **config}
    add_lora(model, LoraConfig(**settings))  # type: ignore[arg-type]  # as the tests give them
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, parameter in lora_parameters(model):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 4)
            if fill is not None:
                parameter.fill_(fill)
    save_adapter(model, folder / str(seed), base="tiny")
    return str(folder / str(seed))


def on(folder: str | None, request: GenerationRequest) -> GenerationRequest:
    return replace(request, adapter=None if folder is None else AdapterRef(folder))


def merged(family: str, folder: str | None) -> Engine:
    """What each adapter is by itself, added into the weights."""
    model = tiny_model(family)
    if folder is not None:
        load_adapter(model, Path(folder))
        fold(model)
    return Engine(model, ByteVocabulary(), tiny_engine(family).limits)


def logprobs(outputs: Sequence[Output]) -> dict[str, list[float]]:
    said: dict[str, list[float]] = {}
    for output in outputs:
        said.setdefault(output.id, []).extend(c.chosen.logprob for c in output.logprobs)
    return said


@pytest.mark.parametrize("family", FAMILIES)
def test_one_batch_of_several_adapters_is_each_of_them_alone(family: str, tmp_path: Path) -> None:
    """Short prompts and long, joining while others answer; against the weights with the adapter
    added in: the same text, and the same scores to within rounding."""
    folders = [None, *(write(tmp_path, family, seed) for seed in range(4))]
    requests = [
        on(folder, ask(f"{n}/{size}", STORY[: size + n], logprobs=1))
        for n, folder in enumerate(folders)
        for size in (1, 36)
    ]
    engine = tiny_engine(family, kv_tokens=2048)
    outputs: list[Output] = []
    for number, request in enumerate(requests):
        engine.submit(request)
        if number % 3 == 0:
            outputs += engine.step()
    outputs += run(engine)
    assert len(engine.adapters.loaded) == 4
    truth: list[Output] = []
    for n, folder in enumerate(folders):
        truth += run(merged(family, folder), *(on(None, r) for r in requests[2 * n : 2 * n + 2]))
    assert texts(outputs) == texts(truth)
    said, expected = logprobs(outputs), logprobs(truth)
    for name, values in expected.items():
        # Sums of float32 in another order.
        assert said[name] == pytest.approx(values, rel=1e-5, abs=5e-5), name


def test_what_one_adapter_computed_is_not_another_s(tmp_path: Path) -> None:
    """Keys and values of the same prompt differ: sharing them would mix two models."""
    first, second = (write(tmp_path, "llama", seed) for seed in (2, 5))
    engine = tiny_engine("llama")
    outputs = [
        output
        for number, folder in enumerate((first, second, None, first))
        for output in run(engine, on(folder, ask(str(number), STORY)))
    ]
    cached = {output.id: output.cached_tokens for output in outputs}
    assert cached == {"0": 0, "1": 0, "2": 0, "3": 40}


def test_the_longest_unused_makes_room_and_one_in_use_never_does(tmp_path: Path) -> None:
    folders = [write(tmp_path, "gpt2", seed) for seed in range(4)]
    engine = tiny_engine(max_adapters=2)

    def there() -> list[int]:
        return [int(name[-1]) for name in engine.adapters.loaded]

    for number in (0, 1, 0, 2):
        run(engine, on(folders[number], ask("x", "hi")))
    assert there() == [0, 2]
    engine.submit(on(folders[0], ask("a", "hi", max_tokens=30)))
    engine.submit(on(folders[1], ask("b", "hi", max_tokens=30)))
    assert there() == [0, 1]
    engine.step()
    with pytest.raises(OverloadedError, match="2 fine-tuned models are answering") as caught:
        engine.submit(on(folders[3], ask("c", "hi")))
    assert caught.value.retry_after == 5
    assert there() == [0, 1]
    engine.cancel("a")
    engine.submit(on(folders[3], ask("c", "hi")))
    assert there() == [1, 3]
    assert set(finishes(run(engine)).values()) == {"length", "cancelled"}
    assert all(loaded.users == 0 for loaded in engine.adapters.loaded.values())


def test_room_is_counted_in_bytes_too(tmp_path: Path) -> None:
    folders = [write(tmp_path, "gpt2", seed, r=2) for seed in (2, 5)]
    adapters = Adapters(tiny_model(), EngineLimits())
    _, size = adapters.attached.make(adapters.read(Path(folders[0])))
    engine = tiny_engine(adapter_bytes=size * 3 // 2)
    for number, folder in enumerate(folders):
        run(engine, on(folder, ask(str(number), "hi")))
    assert len(engine.adapters.loaded) == 1
    small = tiny_engine(adapter_bytes=size - 1)
    with pytest.raises(CheckpointError, match=rf"takes {size:,} bytes; {size - 1:,} are for all"):
        small.submit(on(folders[0], ask("a", "hi")))
    assert small.idle


def test_the_last_adapter_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    engine = tiny_engine()
    before = [type(module) for module in engine.adapters.model.modules()]
    run(engine, on(write(tmp_path, "gpt2", 2), ask("a", "hi")))
    assert before != [type(module) for module in engine.adapters.model.modules()]
    (name,) = engine.adapters.loaded
    engine.adapters.drop(name)
    assert before == [type(module) for module in engine.adapters.model.modules()]


def test_a_newer_version_is_not_taken_for_an_older(tmp_path: Path) -> None:
    folder = write(tmp_path, "gpt2", 2)
    engine = tiny_engine()
    old = texts(run(engine, on(folder, ask("a", STORY))))["a", 0]
    write(tmp_path / "new", "gpt2", 5)
    for file in (tmp_path / "new" / "5").iterdir():
        (Path(folder) / file.name).write_bytes(file.read_bytes())
    assert texts(run(engine, on(folder, ask("a", STORY))))["a", 0] == old
    newer = replace(ask("b", STORY), adapter=AdapterRef(folder, "2"))
    assert texts(run(engine, newer))["b", 0] != old


def test_what_cannot_be_shared_is_refused_by_name_and_nothing_is_left(tmp_path: Path) -> None:
    """And whoever is answering goes on."""
    engine = tiny_engine()
    engine.submit(ask("good", "hi"))
    with pytest.raises(UnsupportedFieldError, match="DoRA's lengths cannot share its base"):
        engine.submit(on(write(tmp_path, "gpt2", 1, dora=True), ask("a", "hi")))
    with pytest.raises(CheckpointError, match="values that are not finite numbers"):
        engine.submit(on(write(tmp_path, "gpt2", 2, fill=float("inf")), ask("b", "hi")))
    with pytest.raises(CheckpointError, match=r"has no adapter_config\.json"):
        engine.submit(on(str(tmp_path), ask("c", "hi")))
    with pytest.raises(CheckpointError, match="the adapter does not fit this model"):
        engine.submit(on(write(tmp_path, "llama", 3, targets=("mlp.up",)), ask("d", "hi")))
    assert not engine.adapters.loaded
    assert not any(isinstance(module, RowLoraLinear) for module in engine.adapters.model.modules())
    assert finishes(run(engine)) == {("good", 0): "length"}


def test_a_request_that_is_refused_holds_no_adapter(tmp_path: Path) -> None:
    folder = write(tmp_path, "gpt2", 1)
    engine = tiny_engine(max_running=1, max_queued_tokens=1)
    engine.submit(on(folder, ask("a", "hi")))
    with pytest.raises(OverloadedError):
        engine.submit(on(folder, ask("b", "hi")))
    [loaded] = engine.adapters.loaded.values()
    assert loaded.users == 1
    run(engine)
    assert loaded.users == 0


def test_a_request_that_is_given_up_holds_no_adapter(tmp_path: Path) -> None:
    """An adapter that nobody uses any more would otherwise never be dropped."""
    engine = tiny_engine()
    engine.submit(on(write(tmp_path, "gpt2", 1), ask("a", "hi")))
    engine.give_up("a", OverloadedError("It is too much.", hint="Ask for less."))
    [loaded] = engine.adapters.loaded.values()
    assert loaded.users == 0


def test_copies_of_several_adapters_leave_with_the_requests(tmp_path: Path) -> None:
    """Adapters that answer together are copied side by side; kept, the copies would hold memory
    that nobody counts for as long as nobody asks."""
    engine = tiny_engine()

    def copied() -> bool:
        modules = engine.adapters.model.modules()
        return any(isinstance(m, RowLoraLinear) and m.cached is not None for m in modules)

    for name, seed in (("a", 2), ("b", 5)):
        engine.submit(on(write(tmp_path, "gpt2", seed), ask(name, "hi", max_tokens=6)))
    engine.step()
    engine.step()
    assert copied()
    engine.cancel("a")
    assert not copied()
    assert finishes(run(engine))["b", 0] == "length"


def test_a_key_that_asks_many_adapters_leaves_room_for_another(tmp_path: Path) -> None:
    """Requests that wait hold their adapters too: one key's held every slot, and whoever else asked
    a fine-tuned model was refused until they had ended. What is there already may be shared."""
    folders = [write(tmp_path, "gpt2", seed) for seed in range(5)]

    def asked(engine: Engine, number: int, user: str) -> None:
        name = f"{user}{number}{len(engine.live)}"
        engine.submit(replace(on(folders[number], ask(name, "hi")), user=user))

    engine = tiny_engine(max_adapters=4, callers=2, max_running=1)
    for number in (0, 1, 2):
        asked(engine, number, "ada/x")
    with pytest.raises(OverloadedError, match="3 fine-tuned models are answering for this key"):
        asked(engine, 3, "ada/y")
    asked(engine, 0, "ada/y")
    asked(engine, 3, "bob/x")
    asked(engine, 2, "bob/x")
    assert len(engine.adapters.loaded) == 4
    with pytest.raises(OverloadedError, match="fine-tuned models are answering"):
        asked(engine, 4, "bob/x")
    run(engine)
    assert not any(loaded.holders for loaded in engine.adapters.loaded.values())
    for number in (4, 3, 2):
        asked(engine, number, "ada/x")
    with pytest.raises(OverloadedError, match="for this key"):  # it is loaded, but nobody uses it
        asked(engine, 1, "ada/x")
    alone = tiny_engine(max_adapters=4, max_running=1)
    for number in (0, 1, 2, 3):
        asked(alone, number, "ada/x")


def test_a_request_may_say_what_ends_its_answer() -> None:
    """An adapter's own chat template may end a turn otherwise than its base's."""
    request = ask("a", "hello", ignore_eos=False, logit_bias={65: 100.0})
    assert finishes(run(tiny_engine(), request)) == {("a", 0): "length"}
    outputs = run(tiny_engine(), replace(request, ends=(65,)))
    assert (finishes(outputs), texts(outputs)) == ({("a", 0): "stop"}, {("a", 0): ""})
