"""The engine on a CUDA device against the engine on the CPU. Skipped where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from miniclaude.engine import decode
from miniclaude.engine.decode import Decoder
from miniclaude.engine.engine import Engine
from miniclaude.engine.grammar import choice_grammar
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.protocol import EngineSpec
from miniclaude.engine.request import AdapterRef, GenerationRequest, Output, Reading
from miniclaude.engine.worker import load
from miniclaude.errors import SettingsError
from miniclaude.model import transformer
from miniclaude.model.cache import Segment, Table
from miniclaude.model.float8 import Float8Linear
from miniclaude.model.library import bundled_models
from miniclaude.model.paged_attention import can_page, paged_attention
from miniclaude.model.transformer import reference_attention
from tests.engine.test_adapters import write
from tests.engine.test_engine import PROMPTS, SAMPLINGS
from tests.engine.tiny import (
    ByteVocabulary,
    ask,
    finishes,
    run,
    texts,
    tiny_config,
    tiny_engine,
    tiny_model,
)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
FAMILIES = ["gpt2", "llama"]
BUNDLED = (bundled_models() or Path("none")) / "mini-claude-11m"


def cuda_engine(family: str, *, draft: bool = False, **limits: Any) -> Engine:
    """The tiny engine of `tiny.py`, in float32 on the GPU."""
    settings = {"block_tokens": 4, "kv_tokens": 2048, "step_tokens": 64, "max_running": 64}
    helper = tiny_model("gpt2").cuda() if draft else None
    return Engine(
        tiny_model(family).cuda(),
        ByteVocabulary(),
        EngineLimits(**{**settings, **limits}),
        draft=helper,
    )


def on_cpu(family: str, *requests: GenerationRequest, **limits: Any) -> dict[tuple[str, int], str]:
    """What the CPU says, nothing guessed."""
    limits = {"kv_tokens": 2048, "draft_tokens": 0, "max_running": 64, **limits}
    return texts(run(tiny_engine(family, **limits), *requests))


def some_requests() -> list[GenerationRequest]:
    """Prompts of several lengths, drawn from in several ways, ending at different times."""
    return [
        ask(f"{name}/{number}", prompt, **{"max_tokens": 6 + 3 * number, **settings})
        for number, prompt in enumerate(PROMPTS)
        for name, settings in SAMPLINGS.items()
    ]


def captured(engine: Engine) -> int:
    """How many shapes were captured; a capture that failed is an error."""
    assert engine.decoder is not None
    assert not engine.decoder.failed
    return len(engine.decoder.steps)


def without_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Triton were not installed."""
    no: Callable[..., bool] = lambda *_: False  # noqa: E731
    monkeypatch.setattr(decode, "can_page", no)
    monkeypatch.setattr(transformer, "can_page", no)


@pytest.mark.parametrize("family", [*FAMILIES, "experts"])
def test_the_gpu_says_what_the_cpu_says(family: str) -> None:
    """Many at once, with graphs; experts are computed eagerly."""
    requests = some_requests()
    engine = cuda_engine(family)
    assert texts(run(engine, *requests)) == on_cpu(family, *requests)
    assert engine.decoder is None if family == "experts" else captured(engine)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", ["eager", "fixed", "gathered"])
def test_every_way_says_the_same(family: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """eager: no fixed shapes. fixed: fixed shapes, not captured. gathered: graphs without the
    kernel."""
    requests = some_requests()
    engine = cuda_engine(family, draft_tokens=0)
    assert engine.decoder is not None
    if way == "eager":
        engine.decoder = None
    elif way == "fixed":
        engine.decoder.graphs = False
    else:
        without_kernel(monkeypatch)
    assert texts(run(engine, *requests)) == on_cpu(family, *requests)
    if way == "gathered":
        assert captured(engine) >= 2


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_join_leave_and_are_cancelled(family: str) -> None:
    requests = [ask(str(n), p, max_tokens=4 + 3 * n) for n, p in enumerate(PROMPTS)]
    engine = cuda_engine(family, draft_tokens=0)
    outputs: list[Output] = []
    for request in requests:
        engine.submit(request)
        outputs += engine.step()
        outputs += engine.step()
    engine.submit(ask("late", "gone soon", max_tokens=40))
    for _ in range(3):
        outputs += engine.step()
    engine.cancel("late")
    outputs += run(engine)
    told = texts(outputs)
    told.pop(("late", 0))
    assert told == on_cpu(family, *requests)
    assert finishes(outputs)["late", 0] == "cancelled"
    assert captured(engine)


def test_a_known_prefix_choices_and_scattered_blocks() -> None:
    story = "Once upon a time there was a fox"
    requests = [
        ask("a", story, n=3, temperature=1.0, seed=11),
        ask("b", story + " and a hen", max_tokens=20),
        ask("c", "xyz" * 11, max_tokens=20),
    ]
    engine = cuda_engine("llama", draft_tokens=0)
    for block in range(1, 256, 2):  # every other one is taken
        engine.scheduler.pool.free.discard(block)
        engine.scheduler.pool.users[block] = 1
    engine.submit(requests[0])
    outputs: list[Output] = []
    for request in (None, *requests[1:]):
        if request is not None:
            engine.submit(request)
        while not engine.idle:
            outputs += engine.step()
    assert texts(outputs) == on_cpu("llama", *requests)
    assert {o.id: o.cached_tokens for o in outputs} == {"a": 0, "b": 32, "c": 0}


def test_scattered_and_neighbouring_sequences_in_one_step() -> None:
    """One sequence's new slots are a slice, another's are numbers."""
    requests = [ask("a", "xyz" * 11), ask("b", "Hello, how are you today?"), ask("c", "x" * 30)]
    engine = cuda_engine("gpt2", draft_tokens=0, step_tokens=256)
    for block in (1, 3, 5, 7):
        engine.scheduler.pool.free.discard(block)
        engine.scheduler.pool.users[block] = 1
    for request in requests:
        engine.submit(request)
    outputs: list[Output] = []
    while not engine.idle:
        outputs += engine.step()
    assert texts(outputs) == on_cpu("gpt2", *requests)


def test_guesses_and_a_draft_change_nothing() -> None:
    requests = [ask("a", "xyz" * 11, max_tokens=30), ask("b", "Hello", max_tokens=30)]
    expected = on_cpu("llama", *requests)
    for draft in (False, True):
        for _ in range(2):
            assert texts(run(cuda_engine("llama", draft=draft), *requests)) == expected


def test_adapters_are_computed_eagerly(tmp_path: Path) -> None:
    folder = write(tmp_path, "llama", 2)
    tuned = replace(ask("tuned", "Once upon a time"), adapter=AdapterRef(folder))
    plain = ask("plain", "Once upon a time")
    engine = cuda_engine("llama", draft_tokens=0)
    assert texts(run(engine, tuned, plain)) == on_cpu("llama", tuned, plain)
    assert captured(engine) == 0


def test_keys_and_values_in_8_bits_are_computed_eagerly() -> None:
    config = replace(tiny_config("llama"), head_dim=32)
    model = transformer.Transformer(config).eval()
    model.initialise(torch.Generator().manual_seed(1))
    engine = Engine(model.cuda(), ByteVocabulary(), EngineLimits(kv_tokens=256, kv_dtype="int8"))
    assert engine.decoder is None
    assert finishes(run(engine, ask("a", "hello"))) == {("a", 0): "length"}


def test_grammars_penalties_and_logprobs() -> None:
    chosen = replace(
        ask("a", "hello", ignore_eos=False, temperature=0.0),
        grammar=choice_grammar(["yes", "no"], spaced=False),
    )
    told = ask("b", "hello", logprobs=4, temperature=2.0, seed=4, top_k=3, logit_bias={70: 3.0})
    read = replace(ask("c", "hello", max_tokens=2), reading=Reading(embedding=True, logprobs=2))
    outputs = run(cuda_engine("llama"), chosen, told, read)
    truth = run(tiny_engine("llama"), chosen, told, read)
    assert texts(outputs) == texts(truth)
    assert texts(outputs)["a", 0] in ("yes", "no")
    for name in ("b", "c"):
        mine, theirs = (
            [
                info.chosen.logprob
                for output in some
                if output.id == name
                for info in (*output.logprobs, *output.prompt_logprobs)
            ]
            for some in (outputs, truth)
        )
        assert mine == pytest.approx(theirs, abs=1e-3)
    (vector,) = (o.embedding for o in outputs if o.embedding)
    (expected,) = (o.embedding for o in truth if o.embedding)
    assert vector == pytest.approx(expected, abs=1e-4)


def test_more_answers_than_the_largest_graph() -> None:
    requests = [ask(str(number), f"{number} " * 3, max_tokens=4) for number in range(70)]
    engine = cuda_engine("gpt2", max_running=80, step_tokens=512, kv_tokens=4096, draft_tokens=0)
    assert texts(run(engine, *requests)) == on_cpu(
        "gpt2", *requests, max_running=80, step_tokens=512, kv_tokens=4096
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_scores_are_near_those_of_the_eager_way(dtype: str) -> None:
    """The step's own scores, before one of two near tokens is chosen."""
    model = tiny_model("llama").to("cuda", getattr(torch, dtype))
    engine = Engine(model, ByteVocabulary(), EngineLimits(kv_tokens=1024, draft_tokens=0))
    for number, prompt in enumerate(PROMPTS):
        engine.submit(ask(str(number), prompt))
    while not all(job.prefilled for job in engine.scheduler.running):
        engine.step()
    with torch.inference_mode():
        chunks = engine.scheduler.plan()
        graphed = engine.decoded(chunks)
        eager = engine.computed(chunks)
    assert graphed is not None
    assert graphed[1] is not None
    assert eager[1] is not None
    assert graphed[0] == eager[0]
    assert float((graphed[1].float() - eager[1].float()).abs().mean()) < 0.1
    assert captured(engine) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("rows", "heads", "kv_heads", "dim", "longest", "window", "tokens"),
    [
        (3, 4, 2, 8, 40, None, 4),
        (3, 4, 2, 8, 90, 8, 4),
        (1, 15, 5, 64, 700, None, 16),
        (2, 15, 5, 64, 300, 100, 16),
        (64, 8, 8, 32, 130, None, 16),
        (16, 32, 8, 64, 1000, None, 16),
        (2, 4, 4, 80, 64, None, 16),
        (2, 32, 1, 128, 200, None, 16),
    ],
)
def test_the_kernel_is_its_reference(
    dtype: torch.dtype, rows: int, heads: int, kv_heads: int, dim: int, longest: int,
    window: int | None, tokens: int,
) -> None:  # fmt: skip
    device = torch.device("cuda")
    if not can_page(device, dtype):
        pytest.skip("Triton is not usable here")
    generator = torch.Generator(device).manual_seed(rows + dim)
    columns = -(-longest // tokens)
    count = rows * columns
    shape = (2, 1, kv_heads, (count + 3) * tokens, dim)
    keys, values = torch.randn(shape, generator=generator, device=device).to(dtype)
    blocks = torch.randperm(count + 3, generator=generator, device=device)[:count]
    lengths = torch.randint(1, longest + 1, (rows,), generator=generator, device=device)
    lengths[-1] = 1
    lengths[0] = longest
    table = Table(blocks.view(rows, columns).to(torch.int32), tokens)
    segment = Segment(slice(0, rows), keys, values, lengths, table)
    query = torch.randn(rows, heads, 1, dim, generator=generator, device=device).to(dtype)
    expected = reference_attention(query.float(), segment._replace(keys=keys.float(),
        values=values.float()), window)  # fmt: skip
    close = 1e-5 if dtype == torch.float32 else 2e-2
    found = paged_attention(query, segment, window).float()
    torch.testing.assert_close(found, expected, rtol=close, atol=close)


def test_a_worker_loads_onto_the_gpu_and_refuses_packed_weights_there(model_folder: Path) -> None:
    engine, info = load(EngineSpec(model_folder, device="cuda", dtype="float32"))
    assert (info.device, info.dtype) == ("cuda", "float32")
    assert isinstance(engine.decoder, Decoder)
    request = ask("a", "hello")
    other, _ = load(EngineSpec(model_folder, device="cpu", dtype="float32"))
    assert texts(run(engine, request)) == texts(run(other, request))
    assert load(EngineSpec(model_folder))[1].dtype == "bfloat16"
    with pytest.raises(SettingsError, match="int8 weights are for the CPU"):
        load(EngineSpec(model_folder, dtype="int8", device="cuda"))


def test_a_cache_without_room_says_what_to_set() -> None:
    with pytest.raises(SettingsError, match="kv_tokens: no room on cuda"):
        cuda_engine("gpt2", kv_tokens=4_000_000_000)


@torch.inference_mode()
def test_products_of_8_bit_floats_are_those_written_out() -> None:
    """One row, a few, and as many as a prompt has, with graphs' and prompts' number format."""
    if torch.cuda.get_device_capability() < (8, 9):
        pytest.skip("needs an NVIDIA GPU of the generation Ada or Hopper, or later")
    layer = Float8Linear(torch.randn(256, 128, device="cuda"), torch.randn(256, device="cuda"))
    for rows in (1, 3, 16, 100):
        x = torch.randn(rows, 128, device="cuda", dtype=torch.bfloat16)
        expected = layer.reference(x)
        torch.testing.assert_close(layer(x), expected, rtol=1 / 64, atol=0.2)


def test_an_engine_with_8_bit_floats_captures_its_steps() -> None:
    if torch.cuda.get_device_capability() < (8, 9):
        pytest.skip("needs an NVIDIA GPU of the generation Ada or Hopper, or later")
    engine, info = load(EngineSpec(BUNDLED, "cuda", "float8"))
    assert info.dtype == "float8"
    requests = [ask(str(number), "abc", max_tokens=12) for number in range(5)]
    assert all(reason == "length" for reason in finishes(run(engine, *requests)).values())
    assert captured(engine)
