"""The engine against the plain truth: one request alone, without a cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from miniclaude.engine.engine import Engine
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import GenerationRequest, Sampling
from miniclaude.engine.sampling import Draws, distribution, pick
from miniclaude.errors import ContextLengthError, InvalidRequestError, OverloadedError
from miniclaude.model.checkpoint import load_model
from miniclaude.model.transformer import Transformer
from miniclaude.tokenizer.load import load_tokenizer
from tests.engine.tiny import (
    EOS,
    ByteVocabulary,
    ask,
    finishes,
    run,
    texts,
    tiny_engine,
    tiny_model,
)

FAMILIES = ["gpt2", "llama", "experts"]
PROMPTS = ["a", "Hello, how are you today?", "The quick brown fox " * 3, "xyz" * 11, "ü€"]


@torch.inference_mode()
def uncached(model: Transformer, request: GenerationRequest, index: int = 0) -> str:
    """The definition: run the whole text through the model for every token."""
    ids, sampling = list(request.prompt), request.sampling
    draws = Draws.begin(sampling, sampling.seed or 0, index, ids)
    for _ in range(sampling.max_tokens):
        logits: Tensor = model(torch.tensor([ids]))[0, -1]
        probabilities = distribution(logits, sampling, draws.seen)
        uniform = torch.tensor([draws.uniform()], dtype=torch.float64)
        token = int(pick(probabilities[None], uniform))
        draws.took(token)
        ids.append(token)
    answer = b"".join(bytes([i]) for i in ids[len(request.prompt) :] if i < EOS)
    return answer.decode(errors="replace")


PRINTABLE = dict.fromkeys(range(32, 127), 50.0)
SAMPLINGS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "warm": {"temperature": 0.9, "seed": 5},
    "truncated": {"temperature": 1.3, "seed": 6, "top_k": 20, "top_p": 0.9, "min_p": 0.02},
    "penalised": {
        "temperature": 0.7,
        "seed": 7,
        "repetition_penalty": 1.3,
        "frequency_penalty": 0.4,
        "presence_penalty": 0.3,
        "logit_bias": {65: 2.0, 66: -100.0},
    },
}


@pytest.mark.parametrize("family", FAMILIES)
def test_batched_equals_alone_equals_uncached(family: str) -> None:
    """Continuous batching, chunked prefill and the block cache change nothing in the text."""
    requests = [
        ask(f"{name}/{number}", prompt, **settings)
        for number, prompt in enumerate(PROMPTS)
        for name, settings in SAMPLINGS.items()
    ]
    model = tiny_model(family)
    expected = {(r.id, 0): uncached(model, r) for r in requests}
    assert texts(run(tiny_engine(family, kv_tokens=4096), *requests)) == expected
    alone = tiny_engine(family)
    for request in requests:
        assert texts(run(alone, request)) == {(request.id, 0): expected[request.id, 0]}


@pytest.mark.parametrize("family", FAMILIES)
def test_any_chunk_size_gives_the_same_text(family: str) -> None:
    requests = [ask(str(n), prompt) for n, prompt in enumerate(PROMPTS)]
    expected = texts(run(tiny_engine(family), *requests))
    for step_tokens in (5, 6, 7, 16, 33):
        engine = tiny_engine(family, step_tokens=step_tokens, max_running=5)
        assert texts(run(engine, *requests)) == expected, step_tokens


@pytest.mark.parametrize("family", FAMILIES)
def test_scattered_blocks_give_the_same_text(family: str) -> None:
    """With every other block taken, a sequence is gathered instead of viewed."""
    requests = [ask(str(n), prompt) for n, prompt in enumerate(PROMPTS)]
    expected = texts(run(tiny_engine(family), *requests))
    engine = tiny_engine(family, kv_tokens=1024)
    for block in range(1, 256, 2):
        engine.scheduler.pool.free.discard(block)
        engine.scheduler.pool.users[block] = 1
    for request in requests:
        engine.submit(request)
    outputs = []
    while not engine.idle:
        outputs += engine.step()
    assert texts(outputs) == expected


def test_requests_join_and_leave_at_any_step() -> None:
    requests = [ask(str(n), p, max_tokens=4 + 3 * n) for n, p in enumerate(PROMPTS)]
    expected = texts(run(tiny_engine(), *requests))
    engine, outputs = tiny_engine(), []
    for request in requests:
        engine.submit(request)
        outputs += engine.step()
        outputs += engine.step()
    assert texts([*outputs, *run(engine)]) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_choices_share_the_prompt_and_differ_by_seed(family: str) -> None:
    request = ask("a", "Once upon a time", n=3, temperature=1.0, seed=11)
    answers = texts(run(tiny_engine(family, step_tokens=16), request))
    model = tiny_model(family)
    assert answers == {("a", index): uncached(model, request, index) for index in range(3)}
    assert len(set(answers.values())) == 3


def test_a_seed_repeats_and_no_seed_does_not() -> None:
    seeded = ask("a", "hi", temperature=1.0, seed=3)
    free = ask("a", "hi", temperature=1.0)
    assert texts(run(tiny_engine(), seeded)) == texts(run(tiny_engine(), seeded))
    assert texts(run(tiny_engine(), free)) != texts(run(tiny_engine(), free))


def test_counts_and_length() -> None:
    last = run(tiny_engine(), ask("a", "hello", max_tokens=7))[-1]
    assert (last.finish, last.prompt_tokens, last.completion_tokens) == ("length", 5, 7)


def test_the_end_of_text_token_ends_with_stop_and_is_not_shown() -> None:
    always = {"logit_bias": {EOS: 100.0}}
    (output,) = run(tiny_engine(), ask("a", "hello", ignore_eos=False, **always))
    assert (output.text, output.finish, output.completion_tokens) == ("", "stop", 1)
    last = run(tiny_engine(), ask("a", "hello", max_tokens=5, ignore_eos=True, **always))[-1]
    assert (last.finish, last.completion_tokens) == ("length", 5)


def test_a_stop_string_across_tokens_ends_the_answer_before_it() -> None:
    settings = {"max_tokens": 30, "temperature": 1.0, "seed": 1, "logit_bias": PRINTABLE}
    text = texts(run(tiny_engine(), ask("a", "hello", **settings)))["a", 0]
    stop = text[10:13]
    assert text.index(stop) == 10
    engine = tiny_engine()
    outputs = run(engine, ask("a", "hello", stop=("never", stop), **settings))
    assert texts(outputs) == {("a", 0): text[:10]}
    assert finishes(outputs) == {("a", 0): "stop"}
    assert outputs[-1].stop_text == stop
    assert engine.scheduler.pool.available == engine.scheduler.pool.count


def test_multibyte_characters_are_never_torn() -> None:
    """€ is three tokens here; each is forced in turn by a bias that changes while it runs."""
    engine = tiny_engine()
    bias: dict[int, float] = {}
    engine.submit(ask("a", "x", max_tokens=4, logit_bias=bias))
    pieces = []
    for byte in [*"€".encode(), 0xE2]:
        bias.clear()
        bias[byte] = 1000.0
        pieces.append("".join(output.text for output in engine.step()))
    assert pieces == ["", "", "€", "�"]


def test_logprobs_are_the_log_softmax_of_the_models_own_scores() -> None:
    """Before penalties, bias and temperature."""
    request = ask("a", "hello", max_tokens=3, logprobs=4, temperature=2.0, seed=4, top_k=3)
    biased = replace(request, sampling=replace(request.sampling, logit_bias={70: 3.0}))
    outputs = run(tiny_engine(), biased)
    ids = list(request.prompt)
    model = tiny_model()
    infos = [info for output in outputs for info in output.logprobs]
    assert len(infos) == 3
    for info in infos:
        logits = model(torch.tensor([ids]))[0, -1].detach()
        expected = logits.log_softmax(-1)
        assert info.chosen.logprob == pytest.approx(float(expected[info.chosen.id]), abs=1e-5)
        values, tokens = expected.topk(4)
        assert [top.id for top in info.top] == tokens.tolist()
        assert [top.logprob for top in info.top] == pytest.approx(values.tolist(), abs=1e-5)
        assert info.top[0].token_bytes == bytes([info.top[0].id])
        ids.append(info.chosen.id)


def test_users_take_turns() -> None:
    """Whose a request is comes with it; and its order among its own user's is kept."""
    engine = tiny_engine(max_running=1)
    for number in range(4):
        engine.submit(replace(ask(f"ada {number}", "hi", max_tokens=4), user="ada/user/"))
    engine.submit(replace(ask("bob", "hi", max_tokens=4), user="bob/user/"))
    order = [name for name, _ in finishes(run(engine))]
    assert order == ["ada 0", "bob", "ada 1", "ada 2", "ada 3"]


def test_cancel_frees_the_slot_at_once_and_is_told_in_the_next_step() -> None:
    engine = tiny_engine(max_running=2)
    engine.submit(ask("a", "hello", max_tokens=50, n=2))
    engine.submit(ask("waiting", "hello", max_tokens=50))
    engine.step()
    engine.cancel("a")
    engine.cancel("never heard of")
    engine.scheduler.check()
    assert engine.scheduler.pool.available == engine.scheduler.pool.count
    told = engine.step()
    assert finishes(told) == {("a", 0): "cancelled", ("a", 1): "cancelled"}
    assert {job.id for job in engine.scheduler.running} == {"waiting"}
    engine.cancel("waiting")
    assert finishes(engine.step()) == {("waiting", 0): "cancelled"}
    assert engine.idle


def test_scores_that_are_not_numbers_end_only_their_own_request() -> None:
    """Token 13's embedding is NaN: a request that holds it fails, its neighbours do not notice."""
    engine = tiny_engine()
    good = ask("good", "fine", max_tokens=8, logit_bias={13: -100.0})
    assert isinstance(engine.model, Transformer)
    weight = engine.model.tokens.weight.detach().clone()
    engine.model.head.weight = torch.nn.Parameter(weight)
    expected = texts(run(engine, good))
    with torch.no_grad():
        engine.model.tokens.weight[13] = torch.nan
    for settings in ({}, {"temperature": 1.0, "top_p": 0.5, "top_k": 5, "seed": 1}):
        outputs = run(engine, ask("bad", "\r", logprobs=2, **settings), good)
        assert finishes(outputs) == {("good", 0): "length", ("bad", 0): "error"}
        assert [o.error for o in outputs if o.id == "bad"] == [
            "The model's scores are not numbers."
        ]
        assert {k: v for k, v in texts(outputs).items() if k[0] == "good"} == expected


@pytest.mark.parametrize("kind", [RuntimeError, MemoryError])
def test_a_forward_pass_that_fails_ends_only_the_request_that_makes_it_fail(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch runs out of memory with the one error, NumPy with the other."""
    engine = tiny_engine()
    hidden = engine.model.hidden

    def fragile(ids: Tensor, *rest: object) -> Tensor:
        if bool((ids == 13).any()):
            raise kind("out of memory")
        return hidden(ids, *rest)  # type: ignore[arg-type]  # passed on as they came

    expected = texts(run(engine, ask("good", "fine")))
    monkeypatch.setattr(engine.model, "hidden", fragile)
    outputs = run(engine, ask("bad", "\r"), ask("good", "fine"))
    assert finishes(outputs) == {("good", 0): "length", ("bad", 0): "error"}
    assert {o.error for o in outputs if o.id == "bad"} == {"The model failed: out of memory"}
    assert {k: v for k, v in texts(outputs).items() if k[0] == "good"} == expected


def test_a_forward_pass_that_fails_ends_all_answers_of_its_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first answer to fail takes its request with it; the second, in the same step, must not
    then be looked up: that would end the worker, and everybody's answers."""
    engine = tiny_engine()
    good = ask("good", "fine")
    expected = texts(run(engine, good))
    engine.submit(ask("bad", "x", n=2))
    outputs = engine.step()
    hidden = engine.model.hidden
    answers = [writing.tokens for writing in engine.live["bad"].writings.values()]

    def fragile(ids: Tensor, *rest: object) -> Tensor:
        if bool((ids == answers[0][-1]).any()):
            raise RuntimeError("out of memory")
        return hidden(ids, *rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(engine.model, "hidden", fragile)
    outputs += engine.step()
    monkeypatch.setattr(engine.model, "hidden", hidden)
    assert finishes(outputs) == {("bad", 0): "error", ("bad", 1): "error"}
    assert texts(run(engine, good)) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": float("nan")}, "temperature is nan. It must be from 0.0 to 100.0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"top_k": -1}, "top_k is -1. It must be at least 0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"min_p": float("inf")}, "min_p is inf"),
        ({"repetition_penalty": 0.0}, "repetition_penalty is 0.0"),
        ({"n": 0}, "n is 0"),
        ({"n": 17}, "n is 17; the engine writes 16 answers at once"),
        ({"logprobs": 21}, "logprobs is 21. At most 20"),
        ({"stop": ("x",) * 17}, "stop has too many strings"),
        ({"logit_bias": {260: 1.0}}, "token 260 the bias 1.0"),
        ({"logit_bias": {1: float("nan")}}, "token 1 the bias nan"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    engine = tiny_engine()
    with pytest.raises(InvalidRequestError) as caught:
        engine.submit(ask("a", "hi", **settings))
    assert message in str(caught.value)
    assert engine.idle


def test_bad_prompts_are_refused() -> None:
    engine = tiny_engine()
    with pytest.raises(InvalidRequestError, match="The prompt is empty"):
        engine.submit(ask("a", ""))
    for token in (-1, 260):
        with pytest.raises(InvalidRequestError, match="a token id outside 0 to 259"):
            engine.submit(GenerationRequest("a", (token,), Sampling(1)))
    with pytest.raises(InvalidRequestError, match="max_tokens is 0"):
        engine.submit(ask("a", "hi", max_tokens=0))
    with pytest.raises(ContextLengthError, match=r"90 tokens .* may have 12, together 102; .* 96"):
        engine.submit(ask("a", "x" * 90))
    with pytest.raises(ContextLengthError, match="6 answers of up to 92 tokens each, prompts incl"):
        engine.submit(ask("a", "x" * 80, n=6))
    small = tiny_engine(kv_tokens=64)
    with pytest.raises(ContextLengthError, match="An answer of up to 92 tokens, prompt included,"):
        small.submit(ask("a", "x" * 80))
    engine.submit(ask("a", "hi"))
    with pytest.raises(InvalidRequestError, match="'a' is already being answered"):
        engine.submit(ask("a", "hi"))
    run(engine)
    assert not engine.live


def test_a_full_queue_is_said_to_be_full() -> None:
    engine = tiny_engine(max_running=1, max_queued_tokens=20)
    engine.submit(ask("a", "hi"))
    engine.submit(ask("b", "hi"))
    with pytest.raises(OverloadedError, match="14 tokens are waiting, and 20 may"):
        engine.submit(ask("c", "hi"))
    assert set(finishes(run(engine))) == {("a", 0), ("b", 0)}


def test_a_request_whose_turn_does_not_come_is_told_so() -> None:
    now = 0.0
    limits = EngineLimits(max_running=1, step_tokens=8, kv_tokens=192, max_wait_seconds=5)
    engine = Engine(tiny_model(), ByteVocabulary(), limits, clock=lambda: now)
    engine.submit(ask("first", "a"))
    engine.submit(ask("second", "b"))
    assert engine.expire() == {}
    now = 5.0
    [(late, error)] = engine.expire().items()
    assert late == "second"
    assert isinstance(error, OverloadedError)
    assert "waited 5 s without its turn coming" in error.message
    assert error.retry_after == 30
    assert "second" not in engine.live
    engine.scheduler.check()


def test_bfloat16_weights_have_a_bfloat16_cache() -> None:
    model = tiny_model().to(torch.bfloat16)
    engine = tiny_engine()
    engine = type(engine)(model, engine.tokenizer, engine.limits)
    assert engine.cache.pool.dtype == torch.bfloat16
    outputs = run(engine, *(ask(str(n), p, temperature=0.5) for n, p in enumerate(PROMPTS)))
    assert set(finishes(outputs).values()) == {"length"}


def test_a_real_model_tells_its_documented_story(shared_folder: Path) -> None:
    """Prefilled and decoded in the company of others, through the whole engine."""
    document = (shared_folder / "data/stories260K/EXPECTED-GREEDY-OUTPUT.md").read_text()
    story = document.split("-t 0.0\n", 1)[1].split("\n```", 1)[0]
    folder = shared_folder / "models/stories260K"
    tokenizer = load_tokenizer(folder)
    engine = Engine(load_model(folder), tokenizer, EngineLimits(kv_tokens=2048, step_tokens=64))
    prompts = ["", "Once upon a time", "The dog was very", "Lily and Tom"]
    requests = [
        GenerationRequest(
            str(n), tuple(tokenizer.encode_prompt(p)), Sampling(256, temperature=0), continues=n > 0
        )
        for n, p in enumerate(prompts)
    ]
    answers = texts(run(engine, *requests))
    assert answers["0", 0].startswith(story)
    assert answers["1", 0].startswith(", there was a little girl named Lily.")
    for request in requests:
        assert texts(run(engine, request))[request.id, 0] == answers[request.id, 0]
