"""Answers that follow a grammar: whatever the model, its temperature and its vocabulary."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from miniclaude.engine.engine import Engine
from miniclaude.engine.grammar import (
    ANY_OBJECT,
    MAX_GRAMMAR,
    choice_grammar,
    json_grammar,
    regex_grammar,
)
from miniclaude.engine.grammar_check import GrammarCheck
from miniclaude.engine.json_schema import enforceable
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.matching import Grammars
from miniclaude.engine.request import GenerationRequest
from miniclaude.engine.sampling import Draws, distribution, pick
from miniclaude.errors import InvalidRequestError
from miniclaude.model.checkpoint import load_model
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


class Pet(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["cat", "dog", "émeu"]
    name: str = Field(max_length=6)
    age: int = Field(ge=0, le=30)


class Home(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    pets: list[Pet] = Field(max_length=2)
    street: str | None = Field(max_length=4)
    open: bool


class Tree(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    value: int = Field(ge=-9, le=9)
    left: Tree | None


SHAPES: list[Any] = [Pet, Home, Tree, list[Literal[1, 2]], dict[str, bool], Literal["a b", "ä"]]
LONG = 400
BOMB = {
    "properties": {
        "a": {"type": "integer", "multipleOf": 10_007, "minimum": 3, "maximum": 99_999_999}
    },
    "required": ["a"],
    "type": "object",
}
"""The states of its number are many more than are allowed, which shows once `{"a":` is written."""


def grammar(schema: dict[str, Any], *, spaced: bool = False) -> str:
    return json_grammar(enforceable(schema, "schema"), spaced=spaced)


def constrained(name: str, text: str, **settings: Any) -> GenerationRequest:
    return replace(ask(name, "go", **settings), grammar=text)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return tiny_engine("llama", context=1024, kv_tokens=20_000)


@settings(max_examples=12)
@given(
    st.sampled_from(SHAPES),
    st.integers(0, 2**40),
    st.sampled_from([0.0, 0.7, 1.5, 60.0]),
    st.sampled_from([0, 3]),
)
def test_a_random_model_writes_what_the_schema_says(
    engine: Engine, shape: Any, seed: int, temperature: float, top_k: int
) -> None:
    """Random weights know nothing of JSON: what is valid here is valid by the grammar alone. An
    answer that is not cut off is a value of the type, and one that is cut off says so."""
    adapter = TypeAdapter(shape)
    request = constrained(
        "a", grammar(adapter.json_schema()),
        max_tokens=LONG, seed=seed, temperature=temperature, top_k=top_k, n=2,
    )  # fmt: skip
    outputs = run(engine, request)
    for key, text in texts(outputs).items():
        if finishes(outputs)[key] == "stop":
            adapter.validate_json(text)
        else:
            assert finishes(outputs)[key] == "length"


@pytest.mark.parametrize("temperature", [0.0, 1.0, 50.0])
def test_a_vocabulary_of_512_pieces_writes_json(shared_folder: Path, temperature: float) -> None:
    """A SentencePiece vocabulary: words begin with their space, bytes stand for the rest."""
    folder = shared_folder / "models" / "stories260K"
    tokenizer = load_tokenizer(folder)
    engine = Engine(load_model(folder), tokenizer, EngineLimits(kv_tokens=4096))
    schema = grammar(Pet.model_json_schema(), spaced=tokenizer.strips_leading_space)
    prompt = tuple(tokenizer.encode_prompt("Once upon a time"))
    request = replace(
        constrained("a", schema, max_tokens=200, temperature=temperature, seed=3, n=4),
        prompt=prompt,
    )
    outputs = run(engine, request)
    assert set(finishes(outputs).values()) == {"stop"}
    for text in texts(outputs).values():
        Pet.model_validate_json(text)
    spaced = regex_grammar(r" ?[a-z]{4}", spaced=True)
    outputs = run(engine, replace(request, grammar=spaced))
    for text in texts(outputs).values():
        assert re.fullmatch(r" ?[a-z]{4}", text), (
            "the space that decoding drops is not the answer's"
        )


def test_masks_are_what_the_definition_says(engine: Engine) -> None:
    """The engine's answer is the reference's: same grammar, same seed, one row at a time, without
    a cache."""
    schema = grammar(Pet.model_json_schema())
    request = constrained("a", schema, max_tokens=LONG, temperature=1.1, seed=5, top_p=0.9)
    [answer] = texts(run(engine, request)).values()
    matcher = Grammars(ByteVocabulary(), 260).compile(schema)
    model, ids = tiny_model("llama", 1024), list(request.prompt)
    draws = Draws.begin(request.sampling, 5, 0, ids)
    while not matcher.complete:
        with torch.inference_mode():
            logits = model(torch.tensor([ids]))[0, -1]
        probabilities = distribution(logits, request.sampling, {}, matcher.allowed())
        uniform = torch.tensor([draws.uniform()], dtype=torch.float64)
        token = int(pick(probabilities[None], uniform))
        matcher.take(token)
        draws.took(token)
        ids.append(token)
    assert bytes(ids[len(request.prompt) :]).decode() == answer


def test_end_of_text_only_where_the_grammar_accepts() -> None:
    matcher = Grammars(ByteVocabulary(), 260).compile(regex_grammar("ab?", spaced=False))
    assert [int(n) for n in matcher.allowed().nonzero()] == [ord("a")]
    matcher.take(ord("a"))
    assert [int(n) for n in matcher.allowed().nonzero()] == [ord("b"), EOS]
    assert not matcher.complete
    matcher.take(ord("b"))
    assert matcher.complete
    assert matcher.error is None


def test_an_answer_with_ends_of_its_own_ends_on_them_where_the_grammar_accepts() -> None:
    """A tuned model's template may end a turn with another token than its base's, and it was taught
    to write that one: masked out, the answer would go on until it is cut off."""
    wanted = {EOS + 1: 100.0, ord("a"): 50.0}
    request = constrained("a", regex_grammar("a+", spaced=False), logit_bias=wanted, seed=1)
    plain = tiny_engine()
    for ignored, ends, text, finish in (
        (False, (EOS + 1, 9999), "a", "stop"),
        (True, (EOS + 1,), "a" * 12, "length"),
        (False, (), "a" * 12, "length"),
    ):
        sampling = replace(request.sampling, ignore_eos=ignored)
        outputs = run(plain, replace(request, ends=ends, sampling=sampling))
        assert (texts(outputs), finishes(outputs)) == ({("a", 0): text}, {("a", 0): finish})


def test_padding_of_the_vocabulary_is_never_drawn() -> None:
    """Models pad their embedding; an id without bytes would be written for ever."""
    matcher = Grammars(ByteVocabulary(), 260).compile(regex_grammar("(?s:.)*", spaced=False))
    assert not matcher.allowed()[EOS + 1 :].any()


def test_an_answer_that_is_cut_off_says_length(engine: Engine) -> None:
    outputs = run(engine, constrained("a", grammar(Pet.model_json_schema()), max_tokens=9))
    assert list(finishes(outputs).values()) == ["length"]


def test_logprobs_are_the_models_own(engine: Engine) -> None:
    """They tell how likely the model found what the grammar made it say."""
    free = run(engine, ask("a", "go", max_tokens=1, logprobs=5))
    forced = run(engine, constrained("a", regex_grammar("zz", spaced=False), logprobs=5))
    assert free[0].logprobs[0].top == forced[0].logprobs[0].top
    assert forced[0].logprobs[0].chosen.token_bytes == b"z"
    assert forced[0].logprobs[0].chosen.logprob < free[0].logprobs[0].chosen.logprob


def test_choices_share_a_grammar_and_not_their_place_in_it(engine: Engine) -> None:
    """One matcher for all n answers would end the second where the first is."""
    text = choice_grammar(["yes", "no", 'a "b"\n', "é"], spaced=False)
    outputs = run(engine, constrained("a", text, n=8, temperature=20.0, seed=1))
    found = set(texts(outputs).values())
    assert found <= {"yes", "no", 'a "b"\n', "é"}
    assert len(found) > 1
    assert set(finishes(outputs).values()) == {"stop"}


def test_a_neighbour_without_a_grammar_is_not_touched(engine: Engine) -> None:
    alone = texts(run(engine, ask("free", "go", temperature=1.0, seed=2)))
    both = texts(
        run(
            engine,
            ask("free", "go", temperature=1.0, seed=2),
            constrained("bound", regex_grammar("[0-9]{5}", spaced=False)),
        )
    )
    assert both["free", 0] == alone["free", 0]
    assert re.fullmatch("[0-9]{5}", both["bound", 0])


def test_cancelled_in_the_middle_frees_its_place(engine: Engine) -> None:
    engine.submit(constrained("a", grammar(ANY_OBJECT), max_tokens=50, n=2))
    engine.step()
    engine.cancel("a")
    engine.step()
    assert engine.idle
    assert not engine.live
    engine.scheduler.check()


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"a/b", "a/b"),
        (r"a\/b", "a/b"),
        ("a\nb", "a\nb"),
        (r"^x$", "x"),
        (r"\d{2}", None),
        ('"', '"'),
        ("é|ü", None),
        ("x/ start: y", "x/ start: y"),
    ],
)
def test_a_regular_expression_stays_one(engine: Engine, pattern: str, text: str | None) -> None:
    """Quotes, slashes and line breaks cannot end it and go on as a grammar of the caller's own."""
    outputs = run(engine, constrained("a", regex_grammar(pattern, spaced=False), max_tokens=20))
    [answer] = texts(outputs).values()
    assert re.fullmatch(pattern, answer)
    assert text in (None, answer)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            regex_grammar("[", spaced=False),
            r"the regular expression \[ is not understood: unclosed character class",
        ),
        (regex_grammar("(?=a)b", spaced=False), "look-ahead"),
        (regex_grammar(r"(a)\1", spaced=False), "backreferences are not supported"),
        (
            grammar({"type": "integer", "multipleOf": 999_999_937}),
            "it takes too much work: fuel exhausted",
        ),
        (
            grammar({"allOf": [{"type": "string"}, {"type": "integer"}]}),
            "no value is what the schema asks for, because of this: incompatible types",
        ),
        (
            grammar({"oneOf": [{"type": "integer"}, {"type": "number"}]}),
            "it cannot be seen of a oneOf that no value fits two of its schemas",
        ),
        (
            grammar(
                {
                    "allOf": [
                        {"anyOf": [{"properties": {f"a{i}": {"const": j}}} for j in range(4)]}
                        for i in range(10)
                    ]
                }
            ),
            "schema too large",
        ),
    ],
)
def test_what_cannot_be_compiled_is_refused_in_words(text: str, reason: str) -> None:
    """Each of these would cost seconds to hours; the library counts its work and stops."""
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        Grammars(ByteVocabulary(), 260).compile(text)
    assert caught.value.code == "invalid_grammar"
    assert "llguidance" not in str(caught.value), "the grammar's text is not the caller's"


def test_a_grammar_that_would_not_end_is_ended_from_outside() -> None:
    """Twenty-six patterns that must hold at once: left alone, they take minutes and gigabytes, in a
    single call. The process that tried them is replaced for the next one."""
    check = GrammarCheck()
    grammars = Grammars(ByteVocabulary(), 260, check)
    letters = "abcdefghijklmnopqrstuvwxyz"
    patterns = [{"type": "string", "pattern": f"^(?:.*[^{c}])?{c}.*$"} for c in letters]
    with pytest.raises(InvalidRequestError, match=r"takes more than (1.5 s of|192 MiB)") as caught:
        grammars.compile(grammar({"allOf": patterns}))
    assert caught.value.code == "invalid_grammar"
    assert grammars.compile(regex_grammar("a", spaced=False)).error is None


def test_a_grammar_that_explodes_later_ends_its_request_alone(engine: Engine) -> None:
    """Only the second part of this one asks for too much work; its answers are given up with the
    reason, the neighbour goes on."""
    bomb = constrained("bomb", grammar(BOMB), n=2, max_tokens=90)
    engine.submit(bomb)
    engine.submit(ask("good", "go", max_tokens=LONG))
    outputs = []
    reasons: dict[str, Exception] = {}
    while not engine.idle:
        outputs += engine.step()
        reasons |= engine.expire()
        engine.scheduler.check()
    assert finishes(outputs) == {("good", 0): "length"}
    assert isinstance(reasons["bomb"], InvalidRequestError)
    assert "The grammar cannot be followed: " in str(reasons["bomb"])


def test_a_grammar_too_long_is_refused_before_it_is_sent() -> None:
    choices = ["x" * 4096] * (MAX_GRAMMAR // 4096 + 1)
    with pytest.raises(InvalidRequestError, match=r"at most 262,144 are accepted") as caught:
        choice_grammar(choices, spaced=False, param="guided_choice")
    assert caught.value.param == "guided_choice"


def test_a_schema_is_sent_as_ascii() -> None:
    """Whatever strings it holds, half a surrogate pair too, the pipe carries it."""
    assert json_grammar({"const": "\ud800é"}, spaced=False).isascii()
    assert json.loads('"\\ud800"') == "\ud800"
