"""Synthesis pays for every answer once, and keeps only what passes the gates."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from miniclaude.data.example import Example
from miniclaude.data.reading import read_examples
from miniclaude.data.synthesis_journal import Reply
from miniclaude.data.synthesize import (
    FRUITLESS,
    PATIENCE,
    Synthesis,
    SynthesisOptions,
    plan,
    synthesize,
)
from miniclaude.errors import (
    ConflictError,
    DatasetError,
    MiniClaudeError,
    ProviderError,
    RateLimitError,
    SettingsError,
)
from miniclaude.messages import Message, TextDelta, Usage
from miniclaude.providers import openai_compatible
from miniclaude.providers.base import ChatRequest, Provider, Settings
from tests.data.rows import different, said
from tests.providers.stand_in import StandIn, running_stand_in

pytestmark = pytest.mark.anyio

SEEDS = different(8)
FRESH = different(200)[20:]


def answer(*examples: Example) -> str:
    return json.dumps(
        [
            {"messages": [{"role": m.role, "content": m.text} for m in example.messages]}
            for example in examples
        ]
    )


class Writer:
    """Answers in turn; an exception is raised, the last answer repeated."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Message, ...]] = []

    async def __call__(self, messages: tuple[Message, ...]) -> Reply:
        self.asked.append(messages)
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, Exception):
            raise given
        return Reply(given, 10, 20)


async def run(out: Path, writer: Any, count: int, **more: Any) -> Synthesis:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    result = await synthesize(
        SEEDS,
        out,
        writer,
        SynthesisOptions(count=count, batch=2, shown=2, **more),
        model="m",
        wait=wait,
    )
    assert all(seconds <= 120 for seconds in waited)
    return result


def rows(path: Path) -> list[str]:
    return [item.messages[0].text for item in read_examples(path) if isinstance(item, Example)]


def pairs(start: int = 0) -> list[str]:
    return [answer(FRESH[n], FRESH[n + 1]) for n in range(start, start + 40, 2)]


async def test_new_examples_are_written(tmp_path: Path) -> None:
    writer = Writer(*pairs())
    done = await run(tmp_path / "new.jsonl", writer, 5)
    assert (done.examples, done.requests, done.complete) == (5, 3, True)
    assert (done.prompt_tokens, done.completion_tokens) == (30, 60)
    assert rows(tmp_path / "new.jsonl") == [example.messages[0].text for example in FRESH[:5]]
    assert len({prompt[1].text for prompt in writer.asked}) > 1, "always the same seeds are shown"


async def test_what_repeats_the_seed_or_an_earlier_one_is_dropped(tmp_path: Path) -> None:
    """A model that is shown four examples likes to give them back."""
    writer = Writer(answer(SEEDS[0], FRESH[0]), answer(FRESH[0], FRESH[1]), *pairs(2))
    done = await run(tmp_path / "new.jsonl", writer, 4)
    assert done.rejected == {"near_duplicate_row": 2}
    assert rows(tmp_path / "new.jsonl") == [example.messages[0].text for example in FRESH[:4]]
    left_out = (tmp_path / "new.rejected.jsonl").read_text().splitlines()
    assert [json.loads(line)["error"] for line in left_out] == ["near_duplicate_row"] * 2


async def test_the_gates_are_those_of_the_pipeline(tmp_path: Path) -> None:
    mail = said("Whom do I write to about the harbour?", "Write to ada.b@harbourmail.com, please.")
    writer = Writer(answer(mail, said("Is there more?", "")), *pairs())
    done = await run(tmp_path / "new.jsonl", writer, 2)
    text = (tmp_path / "new.jsonl").read_text()
    assert "[EMAIL]" in text
    assert "ada.b@" not in text
    assert sum(done.rejected.values()) == 1


async def test_a_malformed_answer_is_asked_for_again_with_what_was_wrong(tmp_path: Path) -> None:
    writer = Writer("Of course!", '[{"messages": ]', *pairs())
    done = await run(tmp_path / "new.jsonl", writer, 2)
    assert (done.malformed, done.examples) == (2, 2)
    assert "it holds no JSON array." in writer.asked[1][-1].text
    assert writer.asked[1][:2] == writer.asked[0]
    assert "not valid JSON" in writer.asked[2][-1].text


async def test_refusals_and_nonsense_end_after_a_bounded_number(tmp_path: Path) -> None:
    """A model that cannot do it must not be paid for ever."""
    for reply, says in (("I'm sorry, I can't.", "declined"), ("la la", "no JSON array")):
        writer = Writer(reply)
        with pytest.raises(DatasetError, match=f"{FRUITLESS} answers held no usable.*{says}"):
            await run(tmp_path / f"{says}.jsonl", writer, 50)
        assert len(writer.asked) == FRUITLESS


async def test_the_limit_of_requests_holds(tmp_path: Path) -> None:
    """One usable example in four answers would otherwise take for ever."""
    replies = [answer(SEEDS[n % 8]) for n in range(150)]
    replies[::4] = [answer(example) for example in FRESH[:38]]
    writer = Writer(*replies)
    done = await run(tmp_path / "new.jsonl", writer, 60)
    assert not done.complete
    assert done.requests == plan(SEEDS, SynthesisOptions(count=60, batch=2)).most_requests


async def test_a_run_that_died_goes_on_without_paying_twice(tmp_path: Path) -> None:
    """Whatever it died of and whenever: the result is that of one run."""
    whole = Writer(*pairs())
    await run(tmp_path / "whole.jsonl", whole, 8)
    out = tmp_path / "new.jsonl"
    answers = pairs()
    paid = 0
    while True:
        writer = Writer(answers[paid], RuntimeError("killed"))
        try:
            done = await run(out, writer, 8)
        except RuntimeError:
            paid += 1
            with out.open("a") as file:
                file.write('{"messages": [{"ro')  # cut short by the crash
            with out.with_name("new.jsonl.journal").open("a") as file:
                file.write('{"text": "half')
            continue
        break
    assert done.requests == len(whole.asked) == 4
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


async def test_finished_it_asks_for_nothing_and_more_can_be_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "new.jsonl"
    await run(out, Writer(*pairs()), 4)
    writer = Writer(RuntimeError("asked"))
    assert (await run(out, writer, 4)).examples == 4
    assert writer.asked == []
    assert (await run(out, Writer(*pairs(4)), 6)).examples == 6
    assert len(rows(out)) == 6


async def test_another_run_s_file_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "new.jsonl"
    out.write_text("mine")
    with pytest.raises(ConflictError, match="already exists"):
        await run(out, Writer("x"), 4)
    assert out.read_text() == "mine"
    other = tmp_path / "other.jsonl"
    await run(other, Writer(*pairs()), 2)
    with pytest.raises(ConflictError, match="other seeds, another model or other options"):
        await run(other, Writer(*pairs()), 2, seed=9)


async def test_options_and_seeds_are_checked(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="count: 0 is not from 1 to"):
        SynthesisOptions(count=0)
    with pytest.raises(DatasetError, match="no conversation to show"):
        await synthesize([], tmp_path / "x", Writer("x"), SynthesisOptions(count=1), model="m")


async def test_the_plan_is_shown_from_the_seeds() -> None:
    expected = plan(SEEDS, SynthesisOptions(count=11, batch=5))
    assert expected.requests == 3
    assert expected.most_requests > expected.requests
    assert expected.cost((1e6, 0))[0] == expected.prompt_tokens
    assert expected.cost((0, 1e6))[0] == expected.completion_tokens


@pytest.fixture
async def service() -> AsyncIterator[StandIn]:
    async with running_stand_in("openai") as running:
        yield running


def through(provider: Provider) -> Any:
    async def ask(messages: tuple[Message, ...]) -> Reply:
        texts, usage = [], Usage(0, 0)
        async for event in provider.chat(ChatRequest("big", messages, Settings(max_tokens=9))):
            if isinstance(event, TextDelta):
                texts.append(event.text)
            elif isinstance(event, Usage):
                usage = event
        return Reply("".join(texts), usage.prompt_tokens, usage.completion_tokens)

    return ask


class TestOverHttp:
    """The same through a real provider and a service that misbehaves."""

    async def test_a_service_that_echoes_is_of_no_use(
        self, service: StandIn, tmp_path: Path
    ) -> None:
        """It says the beginning of the prompt back, which is no JSON."""
        provider = openai_compatible.create({"name": "acme", "base_url": service.url})
        with pytest.raises(DatasetError, match="held no usable example"):
            await run(tmp_path / "new.jsonl", through(provider), 4)
        await provider.aclose()
        assert len(service.asked) == FRUITLESS

    @pytest.mark.parametrize(
        ("status", "error", "requests"),
        [(429, RateLimitError, PATIENCE), (500, ProviderError, PATIENCE), (401, ProviderError, 1)],
    )
    async def test_trouble_is_waited_out_a_bounded_time(
        self,
        service: StandIn,
        tmp_path: Path,
        status: int,
        error: type[MiniClaudeError],
        requests: int,
    ) -> None:
        service.status, service.error = status, {"error": {"message": "no"}}
        service.headers = {"retry-after": "1"}
        provider = openai_compatible.create(
            {"name": "acme", "base_url": service.url, "max_retries": 0}
        )
        calls = 0

        async def ask(messages: tuple[Message, ...]) -> Reply:
            nonlocal calls
            calls += 1
            reply: Reply = await through(provider)(messages)
            return reply

        with pytest.raises(error) as caught:
            await run(tmp_path / "new.jsonl", ask, 4)
        assert calls == requests
        assert "0 examples are safe; the same command goes on from there." in caught.value.hint
        await provider.aclose()

    async def test_a_service_that_recovers_is_asked_on(
        self, service: StandIn, tmp_path: Path
    ) -> None:
        provider = openai_compatible.create(
            {"name": "acme", "base_url": service.url, "max_retries": 0}
        )
        service.status, service.error = 503, {"error": {"message": "busy"}}
        replies = pairs()
        calls = 0

        async def ask(messages: tuple[Message, ...]) -> Reply:
            nonlocal calls
            calls += 1
            if calls == 3:
                service.status = 200
            await through(provider)(messages)
            return Reply(replies.pop(0))

        done = await run(tmp_path / "new.jsonl", ask, 2)
        assert (done.examples, calls) == (2, 3)
        await provider.aclose()
