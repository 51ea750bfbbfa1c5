"""The prefix cache: what was computed once is not computed again, and changes nothing."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from miniclaude.engine import machine
from miniclaude.engine.engine import Engine
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.machine import default_prefix_tokens
from miniclaude.engine.prefix import BlockKeys, salt
from miniclaude.engine.request import GenerationRequest, Output
from miniclaude.model.config import ModelConfig, RotaryConfig
from tests.engine.tiny import ask, run, texts, tiny_config, tiny_engine

FAMILIES = ["gpt2", "llama"]
STORY = "Once upon a time there was a very small model. "


def whose(request: GenerationRequest, user: str) -> GenerationRequest:
    return replace(request, user=user)


def cached(outputs: list[Output]) -> dict[str, int]:
    """How much of each request's prompt was there already."""
    return {output.id: output.cached_tokens for output in outputs}


def next_turn(request: GenerationRequest, answer: str, more: str, name: str) -> GenerationRequest:
    """The conversation so far and what comes next. The tiny vocabulary's tokens are bytes, but not
    all that it says is text: the answer is therefore kept to printable characters."""
    return replace(request, id=name, prompt=(*request.prompt, *answer.encode(), *more.encode()))


PRINTABLE = dict.fromkeys(range(32, 127), 50.0)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_next_turn_says_the_same_with_and_without_the_cache(family: str) -> None:
    """The same tokens, with the same scores to within rounding, prompt after prompt."""
    settings = {"max_tokens": 9, "logprobs": 3, "logit_bias": PRINTABLE}
    engine, plain = tiny_engine(family), tiny_engine(family, prefix_tokens=0)
    request = ask("0", STORY[:33], **settings)
    known = 1
    for turn in range(1, 5):
        outputs, expected = run(engine, request), run(plain, request)
        assert texts(outputs) == texts(expected)
        chosen = [c.chosen for o in outputs for c in o.logprobs]
        truth = [c.chosen for o in expected for c in o.logprobs]
        assert [c.id for c in chosen] == [c.id for c in truth]
        close = pytest.approx(
            [c.logprob for c in truth], abs=5e-5
        )  # sums of float32 in another order
        assert [c.logprob for c in chosen] == close
        assert set(cached(expected).values()) == {0}
        # All full blocks of four that were computed; the last token drawn never was.
        assert set(cached(outputs).values()) == {(known - 1) // 4 * 4}
        known = len(request.prompt) + 9
        request = next_turn(request, texts(outputs)[request.id, 0], "And?", str(turn))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kv_tokens", [512, 160])
def test_answers_that_run_together_share_what_they_have_in_common(
    family: str, kv_tokens: int
) -> None:
    """With room, by a copy, so that each is read as one piece; with little, the very same blocks.
    Some have several answers, some come while the first still runs."""
    requests = [
        ask("0", STORY, max_tokens=20),
        ask("1", STORY + "It", n=2, temperature=1.0, seed=3),
        ask("2", STORY + "It was", max_tokens=8),
        ask("3", STORY[:21] + "no", max_tokens=5, temperature=0.8, seed=1),
        ask("4", STORY[:21] + "no model"),
    ]
    plain = tiny_engine(family, prefix_tokens=0)
    expected = {key: text for r in requests for key, text in texts(run(plain, r)).items()}
    engine = tiny_engine(family, kv_tokens=kv_tokens)
    outputs: list[Output] = []
    for request in requests:
        engine.submit(request)
        outputs += engine.step()
        engine.scheduler.check()
    outputs += run(engine)
    assert texts(outputs) == expected
    found = cached(outputs)
    assert (found["0"], found["1"], found["2"]) == (0, 44, 48)
    assert (found["3"], found["4"]) == (20, 20)


def test_nothing_is_shared_between_users() -> None:
    """Neither the text nor how long it took may tell one user what another has asked."""
    engine = tiny_engine()
    outputs = run(engine, whose(ask("a", STORY), "ada"))
    outputs += run(engine, whose(ask("b", STORY), "eve"))
    outputs += run(engine, whose(ask("c", STORY), "ada"))
    assert cached(outputs) == {"a": 0, "b": 0, "c": 44}


def test_it_can_be_switched_off() -> None:
    engine = tiny_engine(prefix_tokens=0)
    assert cached(run(engine, ask("a", STORY)) + run(engine, ask("b", STORY))) == {"a": 0, "b": 0}
    assert len(engine.scheduler.pool.free) == engine.scheduler.pool.count


def test_a_cancelled_prompt_leaves_what_it_had_computed() -> None:
    engine = tiny_engine(step_tokens=16)
    engine.submit(ask("a", STORY))
    engine.step()
    engine.cancel("a")
    expected = texts(run(tiny_engine(), ask("b", STORY)))["b", 0]
    outputs = run(engine, ask("b", STORY))
    assert cached(outputs)["b"] == 16
    assert texts(outputs)["b", 0] == expected


def test_a_copy_that_fails_is_made_before_anything_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A failing step is tried again chunk by chunk; skipping the copy would answer from garbage."""
    engine = tiny_engine()
    expected = texts(run(tiny_engine(), ask("b", STORY + "It")))["b", 0]
    engine.submit(ask("a", STORY, max_tokens=40))
    engine.step()
    copy, calls = engine.cache.copy, []

    def fragile(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise RuntimeError("out of memory")
        copy(*arguments)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(engine.cache, "copy", fragile)
    outputs = run(engine, ask("b", STORY + "It"))
    assert len(calls) == 2
    assert texts(outputs)["b", 0] == expected


def test_keys_name_the_whole_text_before_them() -> None:
    def keys(tokens: list[int], start: bytes = b"") -> list[bytes]:
        made = BlockKeys(start, 2)
        made.cover(tokens)
        return made.keys

    assert len(keys([1, 2, 3])) == 1
    assert keys([1, 2, 3, 4])[0] == keys([1, 2, 9, 9])[0]
    assert keys([1, 2, 3, 4])[1] != keys([9, 9, 3, 4])[1]
    assert not {*keys([1, 2, 3, 4], salt("ada"))} & {*keys([1, 2, 3, 4], salt("eve"))}
    assert salt("a", "b") != salt("ab")
    assert salt("a", "b") != salt("b", "a")
    grown = BlockKeys(b"", 2)
    for end in range(7):
        grown.cover([1, 2, 3, 4, 5, 6][:end])
    assert grown.keys == keys([1, 2, 3, 4, 5, 6])


def kept(
    wanted: int | None,
    kv_tokens: int,
    config: ModelConfig,
    device: str = "cpu",
    **taken: int,
) -> int:
    """By default, on a device."""
    place = torch.device(device)
    return default_prefix_tokens(
        wanted, kv_tokens, config, dtype=torch.float32, device=place, **taken
    )


def test_how_much_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_memory", lambda device: 3 << 30)
    config = tiny_config(context=96)  # 2 layers of 4 heads of 8: 512 bytes a token in float32
    assert kept(None, 10_000, config) == 5_000
    assert kept(None, 10_000_000, config) == (256 << 20) // 512
    assert kept(7, 10_000, config) == 7
    assert kept(0, 10_000, config) == 0


def test_what_is_kept_leaves_memory_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a long context may be more than there is: 4 GiB where 3 are free. On a CPU it is
    claimed as conversations come, so the machine would run short only after a while."""
    config = tiny_config(context=1 << 24)
    monkeypatch.setattr(machine, "free_memory", lambda device: 3 << 30)
    assert kept(None, 1 << 24, config) == (1 << 30) // 512
    assert kept(None, 1 << 24, config, needed=3 << 29) == (1 << 29) // 512
    assert kept(None, 1 << 24, config, beside=512) == (1 << 30) // 1024
    assert kept(1 << 23, 1 << 24, config) == 1 << 23, "what a setting says"
    assert kept(None, 1 << 24, config, "cuda") == 1 << 23, "all is claimed there already"


def test_keys_that_depend_on_a_texts_length_are_not_used_again() -> None:
    """With dynamic rotary positions a text's keys are others once it is longer."""
    dynamic = RotaryConfig(kind="dynamic", factor=2.0, original_context=16)
    engine = tiny_engine("llama")
    config = replace(engine.model.config, rotary=dynamic)
    assert kept(None, 512, config) == 0
    engine.model.config = config
    fresh = Engine(engine.model, engine.tokenizer, EngineLimits(kv_tokens=512))
    assert cached(run(fresh, ask("a", STORY)) + run(fresh, ask("b", STORY))) == {"a": 0, "b": 0}


def test_answers_in_a_scattered_pool_read_only_their_own_blocks() -> None:
    """Answers of two users that come and go until what is cached lies everywhere: a beginning whose
    ends happened to be as far apart as neighbours' was read with the blocks between them, which
    were the other user's."""
    dice = random.Random(8)
    engine = tiny_engine(block_tokens=4, kv_tokens=160, prefix_tokens=100, max_running=8)
    plain = tiny_engine(block_tokens=4, kv_tokens=400, prefix_tokens=0, max_running=8)
    beginnings = [[dice.randrange(4, 250) for _ in range(60)] for _ in range(3)]
    requests: list[GenerationRequest] = []
    said: dict[str, str] = {}
    while len(requests) < 60 or not engine.idle:
        if len(requests) < 60 and dice.random() < 0.5:
            own = [dice.randrange(4, 250) for _ in range(dice.randrange(1, 8))]
            prompt = (*dice.choice(beginnings)[: dice.randrange(4, 40)], *own)
            settings = ask(str(len(requests)), "", max_tokens=dice.randrange(1, 20))
            requests.append(replace(settings, prompt=prompt, user=dice.choice("ab")))
            engine.submit(requests[-1])
        for output in engine.step():
            said[output.id] = said.get(output.id, "") + output.text
    for request in requests:
        assert said[request.id] == texts(run(plain, request))[request.id, 0]
