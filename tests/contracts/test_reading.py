"""Models that read: the unmodified SDK, a live server, an engine process, a tiny model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
import torch
from openai import OpenAI

from miniclaude.engine.limits import EngineLimits
from miniclaude.model.checkpoint import load_model
from miniclaude.model.library import Library
from miniclaude.providers.local import Local
from miniclaude.tokenizer.load import Tokenizer, load_tokenizer
from tests.contracts.conftest import Live, running
from tests.tiny_checkpoint import write_tiny_checkpoint

CONTEXT = 256
LIMITS = EngineLimits(kv_tokens=4 * CONTEXT, max_running=8, step_tokens=32)
TEXTS = ["hello, how are you today?", "the cat sat on the mat", "the cat sat on the mat."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny", context=CONTEXT)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Live]:
    local = Local(Library(folder.parent), device="cpu", threads=1, limits=LIMITS)
    with running(tmp_path_factory.mktemp("reading"), {"local": local}, "tiny") as server:
        yield server


@pytest.fixture(scope="module")
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{live.url}/v1", api_key="unused", max_retries=0, timeout=240) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Tokenizer:
    return load_tokenizer(folder)


def mean_state(folder: Path, ids: list[int]) -> torch.Tensor:
    model = load_model(folder, device=torch.device("cpu"), dtype=torch.float32)
    with torch.inference_mode():
        return model.hidden(torch.tensor([ids]))[0].double().mean(dim=0)


def test_embeddings(client: OpenAI, folder: Path, tokenizer: Tokenizer) -> None:
    """The SDK asks for base64 by itself, and decodes it."""
    answer = client.embeddings.create(model="tiny", input=TEXTS)
    assert [entry.index for entry in answer.data] == [0, 1, 2]
    for text, entry in zip(TEXTS, answer.data, strict=True):
        mean = mean_state(folder, tokenizer.encode_prompt(text))
        assert entry.embedding == pytest.approx((mean / mean.norm()).tolist(), abs=1e-5)
        assert math.hypot(*entry.embedding) == pytest.approx(1, abs=1e-6)
    counts = [len(tokenizer.encode_prompt(text)) for text in TEXTS]
    assert answer.usage.prompt_tokens == sum(counts)
    assert answer.usage.total_tokens == sum(counts)


def test_the_same_text_in_every_form_is_the_same_vector(
    client: OpenAI, tokenizer: Tokenizer
) -> None:
    ids = tokenizer.encode_prompt(TEXTS[0])
    [plain] = client.embeddings.create(model="tiny", input=TEXTS[0]).data
    for given in (ids, [ids], [TEXTS[0]]):
        [found] = client.embeddings.create(model="tiny", input=given, encoding_format="float").data
        assert found.embedding == pytest.approx(plain.embedding, abs=1e-6)
    [short] = client.embeddings.create(model="tiny", input=TEXTS[0], dimensions=8).data
    length = math.hypot(*plain.embedding[:8])
    assert short.embedding == pytest.approx([x / length for x in plain.embedding[:8]], abs=1e-6)


def test_more_texts_than_the_engine_takes_at_once(live: Live, client: OpenAI) -> None:
    """100 texts are more than its slots and its cache; none is lost and order is kept."""
    texts = [TEXTS[number % 3] for number in range(100)]
    answer = client.embeddings.create(model="tiny", input=texts)
    assert len(answer.data) == 100
    for number, entry in enumerate(answer.data):
        assert entry.embedding == pytest.approx(answer.data[number % 3].embedding, abs=1e-5)
    live.wait_until_idle()


def test_what_cannot_be_embedded_is_named(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"input\[1\]: it has .* holds 256") as long:
        client.embeddings.create(model="tiny", input=["a", "word " * 300])
    assert (long.value.param, long.value.code) == ("input[1]", "context_length_exceeded")
    with pytest.raises(openai.BadRequestError, match=r"input\[0\]: it has .* characters"):
        client.embeddings.create(model="tiny", input=["x" * 100_000])
    with pytest.raises(openai.BadRequestError, match="outside 0 to 299"):
        client.embeddings.create(model="tiny", input=[300])


def log_softmax(folder: Path, ids: list[int]) -> torch.Tensor:
    model = load_model(folder, device=torch.device("cpu"), dtype=torch.float32)
    with torch.inference_mode():
        scores: torch.Tensor = model(torch.tensor([ids]))[0]
    return scores.log_softmax(-1)


def test_multiple_choice_as_lm_eval_asks(
    live: Live, client: OpenAI, folder: Path, tokenizer: Tokenizer
) -> None:
    """The request and the reading of it that lm-eval's `local-completions` makes: token ids, one
    token more than the prompt, the last entry thrown away."""
    question = tokenizer.encode_prompt("the cat sat on")
    endings = [tokenizer.encode(text) for text in (" the mat", " the cat", " you")]
    answer = client.completions.create(
        model="tiny",
        prompt=[question + ending for ending in endings],
        max_tokens=1,
        temperature=0,
        logprobs=1,
        seed=1234,
        echo=True,
    )
    for choice, ending in zip(answer.choices, endings, strict=True):
        logprobs = choice.logprobs
        assert logprobs is not None
        assert logprobs.token_logprobs is not None
        assert logprobs.top_logprobs is not None
        expected = log_softmax(folder, question + ending)
        places = range(len(question) - 1, len(question) + len(ending) - 1)
        each = [float(expected[p, i]) for p, i in zip(places, ending, strict=True)]
        told = logprobs.token_logprobs[len(question) : -1]
        assert told == pytest.approx(each, abs=1e-3)
        greedy = all(int(expected[p].argmax()) == i for p, i in zip(places, ending, strict=True))
        tops = logprobs.top_logprobs[len(question) : -1]
        assert greedy == all(t == max(top.values()) for t, top in zip(told, tops, strict=True))
        assert logprobs.token_logprobs[0] is None
        assert choice.text.startswith(tokenizer.decode(question + ending))
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


def test_an_answer_that_ends_at_once_has_its_entry_too(
    client: OpenAI, tokenizer: Tokenizer
) -> None:
    """lm-eval throws the last entry away, unseen: without one for the end of text, it would throw
    away the choice's last token."""
    ids = tokenizer.encode_prompt("the cat")
    [end] = tokenizer.eos_ids
    answer = client.completions.create(
        model="tiny", prompt=ids, max_tokens=1, logprobs=1, echo=True, logit_bias={str(end): 100}
    )
    [choice] = answer.choices
    assert (choice.finish_reason, choice.text) == ("stop", "the cat")
    assert choice.logprobs is not None
    assert choice.logprobs.token_logprobs is not None
    assert len(choice.logprobs.token_logprobs) == len(ids) + 1


def test_many_prompts_are_read_side_by_side_and_keep_their_order(
    live: Live, client: OpenAI, tokenizer: Tokenizer
) -> None:
    """More than are read at a time, of all lengths; one that is too long ends them all."""
    prompts = [TEXTS[0][: 1 + number % 24] for number in range(40)]
    answer = client.completions.create(
        model="tiny", prompt=prompts, max_tokens=0, echo=True, logprobs=0
    )
    assert [choice.text for choice in answer.choices] == prompts
    assert answer.usage is not None
    counts = [len(tokenizer.encode_prompt(prompt)) for prompt in prompts]
    assert answer.usage.prompt_tokens == sum(counts)
    with pytest.raises(openai.BadRequestError, match="context holds 256"):
        client.completions.create(
            model="tiny", prompt=[*prompts, "word " * 300], max_tokens=1, echo=True
        )
    live.wait_until_idle()


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_only_read(client: OpenAI, tokenizer: Tokenizer, stream: bool) -> None:
    ids = tokenizer.encode_prompt(TEXTS[0])
    fields = {"model": "tiny", "prompt": TEXTS[0], "max_tokens": 0, "echo": True, "logprobs": 2}
    if stream:
        with client.completions.create(**fields, stream=True) as chunks:  # type: ignore[call-overload]
            first, last = chunks
        assert last.choices[0].finish_reason == "length"
    else:
        first = client.completions.create(**fields)  # type: ignore[call-overload]
        assert first.usage.completion_tokens == 0
        assert first.usage.prompt_tokens == len(ids)
        assert first.choices[0].finish_reason == "length"
    [choice] = first.choices
    assert choice.text == TEXTS[0]
    assert len(choice.logprobs.tokens) == len(choice.logprobs.token_logprobs) == len(ids)
    assert "".join(choice.logprobs.tokens) == TEXTS[0]
    assert choice.logprobs.text_offset[1] == len(choice.logprobs.tokens[0])
    assert all(1 <= len(top) <= 2 for top in choice.logprobs.top_logprobs[1:])


def test_each_choice_gets_the_prompt(client: OpenAI) -> None:
    answer = client.completions.create(
        model="tiny", prompt="hello", max_tokens=2, n=2, echo=True, logprobs=0, seed=1
    )
    for choice in answer.choices:
        assert choice.text.startswith("hello")
        assert choice.logprobs is not None
        assert choice.logprobs.token_logprobs is not None
        assert [value is None for value in choice.logprobs.token_logprobs].count(True) == 1


def test_a_prompt_that_fills_the_context_can_be_read_and_not_continued(client: OpenAI) -> None:
    ids = [5] * CONTEXT
    client.completions.create(model="tiny", prompt=ids, max_tokens=0, echo=True, logprobs=1)
    with pytest.raises(openai.BadRequestError, match="context holds 256"):
        client.completions.create(model="tiny", prompt=ids, max_tokens=1, echo=True)
    with pytest.raises(openai.BadRequestError, match="0 goes with echo only"):
        client.completions.create(model="tiny", prompt="a", max_tokens=0)
