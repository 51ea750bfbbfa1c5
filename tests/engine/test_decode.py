"""Steps of fixed shape against steps of any shape, without a GPU: the same code, not captured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from miniclaude.engine.decode import SIZES, Decoder, make_decoder
from miniclaude.engine.engine import Engine
from miniclaude.engine.scheduler import Chunk
from miniclaude.model.cache import Segment, Table, gathered
from miniclaude.model.paged_attention import can_page, paged_attention
from miniclaude.model.transformer import Transformer, fast_attention, reference_attention
from tests.engine.test_adapters import on, write
from tests.engine.tiny import ask, finishes, run, texts, tiny_engine

FAMILIES = ["gpt2", "llama"]
PROMPTS = ["a", "Hello, how are you today?", "The quick brown fox " * 3, "xyz" * 11, "ü€"]


class Counting(Decoder):
    """Notes the rows and columns of every step."""

    shapes: list[tuple[int, int]]

    def step_for(self, rows: int, columns: int) -> Any:
        """As ever."""
        self.shapes.append((rows, columns))
        return super().step_for(rows, columns)


def fixed_engine(family: str, **limits: Any) -> tuple[Engine, Counting]:
    """The tiny engine whose decoding steps have fixed shapes."""
    engine = tiny_engine(family, draft_tokens=0, **limits)
    assert isinstance(engine.model, Transformer)
    decoder = Counting(engine.model, engine.cache, engine.model.config.context, graphs=False)
    decoder.shapes = []
    engine.decoder = decoder
    return engine, decoder


def test_a_cpu_is_left_as_it_is() -> None:
    engine = tiny_engine()
    assert engine.decoder is None
    assert make_decoder(engine.model, engine.cache) is None
    assert not can_page(torch.device("cpu"), torch.float32)


@pytest.mark.parametrize("family", FAMILIES)
def test_fixed_shapes_give_the_same_text(family: str) -> None:
    """Also from a cache full of what is not a number: nothing counts that was not written."""
    requests = [
        ask(f"{number}{kind}", prompt, max_tokens=5 + 6 * number, **settings)
        for number, prompt in enumerate(PROMPTS)
        for kind, settings in (("", {}), ("warm", {"temperature": 0.9, "seed": 5}))
    ]
    expected = texts(run(tiny_engine(family, kv_tokens=2048, draft_tokens=0), *requests))
    engine, decoder = fixed_engine(family, kv_tokens=2048)
    engine.cache.pool.fill_(torch.nan)
    assert texts(run(engine, *requests)) == expected
    assert {rows for rows, _ in decoder.shapes} <= set(SIZES)
    assert {rows for rows, _ in decoder.shapes} >= {2, 4, 8}
    assert len({columns for _, columns in decoder.shapes}) == 2  # 16 blocks, then all 24


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_join_leave_and_are_cancelled(family: str) -> None:
    requests = [ask(str(n), p, max_tokens=4 + 3 * n) for n, p in enumerate(PROMPTS)]
    expected = texts(run(tiny_engine(family), *requests))
    engine, decoder = fixed_engine(family)
    outputs = []
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
    assert told == expected
    assert finishes(outputs)["late", 0] == "cancelled"
    assert decoder.shapes


def test_choices_and_a_known_prefix() -> None:
    story = "Once upon a time there was a fox"
    first = ask("a", story, n=3, temperature=1.0, seed=11)
    second = ask("b", story + " and a hen", max_tokens=20)
    plain, (fixed, _) = tiny_engine("llama", draft_tokens=0), fixed_engine("llama")
    for request in (first, second):
        outputs = run(fixed, request)
        assert texts(outputs) == texts(run(plain, request))
    assert outputs[-1].cached_tokens == 32


def test_prompts_guesses_and_readers_go_the_other_way() -> None:
    """A prompt of one token looks like an answer's step and is none."""
    engine, decoder = fixed_engine("gpt2")
    engine.submit(ask("a", "x", max_tokens=3))
    engine.step()
    assert not decoder.shapes
    engine.step()
    assert decoder.shapes == [(1, 16)]
    chunks = engine.scheduler.plan()
    assert decoder.takes(chunks)
    guessed = [Chunk(c.answer, c.start, 2, c.samples, (7,)) for c in chunks]
    assert not decoder.takes(guessed)
    assert not decoder.takes(chunks * 65)
    decoder.failed = True
    assert not decoder.takes(chunks)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_adapter_in_memory_holds_up_its_own_requests_only(family: str, tmp_path: Path) -> None:
    """It stays there for hours after its last request, and every step of the base's would be eager
    until then. A step of fixed shape tells no rows of their adapters: those of the step before it
    must not be taken for its own."""
    folder = write(tmp_path, family, 1)
    tuned = on(folder, ask("tuned", PROMPTS[1], max_tokens=4))
    base = [ask(str(n), p, max_tokens=12) for n, p in enumerate(PROMPTS)]
    expected = texts(run(tiny_engine(family), *base, tuned))
    engine, decoder = fixed_engine(family)
    for request in (tuned, *base):
        engine.submit(request)
    outputs = []
    while "tuned" in engine.live:
        outputs += engine.step()
    assert not decoder.shapes  # of rows among which one has an adapter
    outputs += run(engine)
    assert engine.adapters.loaded
    assert texts(outputs) == expected
    assert (8, 16) in decoder.shapes


def test_what_cannot_be_captured_is_computed_anyway(capsys: pytest.CaptureFixture[str]) -> None:
    request = ask("a", "hello")
    expected = texts(run(tiny_engine("llama"), request))
    engine, decoder = fixed_engine("llama")
    decoder.graphs = True  # there is no CUDA here, or none that could capture this
    if torch.cuda.is_available():
        pytest.skip("a graph of nothing can be captured there")
    assert texts(run(engine, request)) == expected
    assert decoder.failed
    assert "CUDA graphs are not used: a step could not be captured" in capsys.readouterr().err


def pool_of(lengths: Sequence[int], kv_heads: int, dim: int, tokens: int) -> Segment:
    """A pool with scattered blocks for sequences of those lengths."""
    generator = torch.Generator().manual_seed(len(lengths) + dim)
    columns = -(-max(lengths) // tokens)
    count = columns * len(lengths)
    blocks = torch.randperm(count + 3, generator=generator)[:count].view(-1, columns)
    shape = (2, 1, kv_heads, (count + 3) * tokens, dim)
    keys, values = torch.randn(shape, generator=generator)
    table = Table(blocks.to(torch.int32), tokens)
    return Segment(slice(0, len(lengths)), keys, values, torch.tensor(lengths), table)


@pytest.mark.parametrize("window", [None, 5])
def test_a_table_says_what_is_whose(window: int | None) -> None:
    lengths = [1, 17, 9]
    segment = pool_of(lengths, kv_heads=2, dim=8, tokens=4)
    query = torch.randn(3, 4, 1, 8, generator=torch.Generator().manual_seed(0))
    assert segment.sequences == 3
    assert gathered(segment).keys.shape == (3, 2, 20, 8)
    assert segment.table is not None
    rows: list[Tensor] = []
    for row, length in enumerate(lengths):
        slots = [int(segment.table.blocks[row, p // 4]) * 4 + p % 4 for p in range(length)]
        alone = Segment(slice(0, 1), segment.keys[:, :, slots], segment.values[:, :, slots])
        rows.append(reference_attention(query[row : row + 1], alone, window))
    for function in (reference_attention, fast_attention):
        torch.testing.assert_close(function(query, segment, window), torch.cat(rows))


def test_the_kernel_refuses_what_it_cannot_do() -> None:
    segment = pool_of([3], kv_heads=1, dim=8, tokens=4)
    with pytest.raises(ValueError, match="a table tells of"):
        paged_attention(torch.zeros(1, 1, 2, 8), segment, None)
