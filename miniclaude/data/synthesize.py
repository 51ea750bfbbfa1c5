"""New examples from a seed, by any model, through the same gates as every other row.

After Self-Instruct (Wang et al. 2022, arXiv:2212.10560): a few examples are shown, new ones are
asked for, and what is malformed, unsafe or too like an earlier one is dropped.

Every answer is paid for once. It is appended to a journal and flushed to disk before anything is
made of it; the examples are a function of the journal, so a run that was killed goes on from it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from miniclaude.data.clean_rows import row_stages
from miniclaude.data.example import Example, Place
from miniclaude.data.item_lines import encode, rejection_line, row_line
from miniclaude.data.rejection import Item, Rejection
from miniclaude.data.shingles import compared
from miniclaude.data.similar import SimilarRows
from miniclaude.data.synthesis_journal import Journal, Reply
from miniclaude.data.synthesis_prompt import corrected, is_refusal, make_prompt, read_reply
from miniclaude.data.validate import estimate_tokens
from miniclaude.data.work_folder import disk_errors
from miniclaude.errors import (
    DatasetError,
    MiniClaudeError,
    OverloadedError,
    ProviderError,
    RateLimitError,
    RowError,
    SettingsError,
)
from miniclaude.messages import Message

MOST_EXAMPLES = 100_000
FRUITLESS = 8  # answers without a usable example, one after the other, after which it stops
PATIENCE = 6  # failed requests, one after the other, after which it stops
LONGEST_WAIT = 60.0  # seconds between two tries of a request
REFUSES_KEY = (401, 403)


Writer = Callable[[tuple[Message, ...]], Awaitable[Reply]]
"""Asks the model. Raises `miniclaude.errors`."""

Tell = Callable[[int, int, int], None]
"""Told after each answer: examples so far, requests, tokens paid for."""


@dataclass(frozen=True, slots=True)
class SynthesisOptions:
    """count: examples wanted. batch: asked for at once. shown: seed examples in a request.
    retries: of an answer that is malformed. similar: the Jaccard similarity from which a new
    example is too like an earlier one. Raises SettingsError naming what is out of range."""

    count: int
    batch: int = 5
    shown: int = 4
    retries: int = 2
    similar: float = 0.7
    seed: int = 1

    def __post_init__(self) -> None:
        for name, low, high in (
            ("count", 1, MOST_EXAMPLES),
            ("batch", 1, 20),
            ("shown", 1, 20),
            ("retries", 0, 5),
        ):
            if not low <= getattr(self, name) <= high:
                raise SettingsError(
                    f"{name}: {getattr(self, name)} is not from {low} to {high:,}.",
                    hint="Correct it.",
                    param=name,
                )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is expected to cost, before it starts. requests: if every answer is usable;
    most_requests: it never sends more. prompt_tokens, completion_tokens: of `requests`."""

    requests: int
    most_requests: int
    prompt_tokens: int
    completion_tokens: int

    def cost(self, per_million: tuple[float, float]) -> tuple[float, float]:
        """Expected and highest cost at these prices of a million tokens in and out."""
        once = (self.prompt_tokens * per_million[0] + self.completion_tokens * per_million[1]) / 1e6
        return once, once * self.most_requests / max(self.requests, 1)


def plan(seeds: Sequence[Example], options: SynthesisOptions) -> Plan:
    """Estimated from the seed's own lengths, at four characters a token."""
    requests = -(-options.count // options.batch)
    prompts = [_prompt(seeds, options, number) for number in range(min(requests, 20))]
    prompt = sum(estimate_tokens(m.text) for one in prompts for m in one) / len(prompts)
    answer = sum(estimate_tokens(row_line(example)) for example in seeds) / len(seeds)
    return Plan(
        requests,
        3 * requests + FRUITLESS,
        round(prompt * requests),
        round(answer * options.batch * requests),
    )


@dataclass(frozen=True, slots=True)
class Synthesis:
    """What came of it. examples: rows in the file. rejected: by name. refused, malformed: answers
    that were of no use. tokens: as the service counts them. complete: whether all are there."""

    examples: int
    requests: int
    rejected: dict[str, int]
    refused: int
    malformed: int
    prompt_tokens: int
    completion_tokens: int
    complete: bool


async def synthesize(
    seeds: Sequence[Example],
    out: Path,
    writer: Writer,
    options: SynthesisOptions,
    *,
    model: str,
    tell: Tell | None = None,
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Synthesis:
    """Write `options.count` new examples to `out`, a JSON Lines file; go on where an earlier run
    with the same seeds, model and options stopped (a larger count goes on, too).

    Raises DatasetError for seeds without conversations, and when answers stay useless;
    ConflictError when `out` is another run's or one is at work; what the writer raises, once trying
    again does not help; DiskFullError. What was written until then stays.
    """
    seeds = [example for example in seeds if example.task == "supervised" and not example.tools]
    if not seeds:
        raise DatasetError(
            "The seed has no conversation to show.",
            hint="Give it at least one row with messages of user and assistant.",
            param="seed",
        )
    with disk_errors(out), Journal(out).opened(_key(seeds, options, model)) as journal:
        run = _Run(seeds, out, options)
        try:
            for reply in journal.replies:
                run.take(reply)
            with run.files():
                await _ask_on(run, journal, writer, tell or (lambda a, b, c: None), wait)
        finally:
            run.close()
        return run.result()


async def _ask_on(
    run: _Run,
    journal: Journal,
    writer: Writer,
    tell: Tell,
    wait: Callable[[float], Awaitable[None]],
) -> None:
    failures = 0
    while (prompt := run.next_prompt()) is not None:
        try:
            reply = await writer(prompt)
        except (RateLimitError, OverloadedError, ProviderError) as error:
            failures += 1
            if failures >= PATIENCE or getattr(error, "status", None) in REFUSES_KEY:
                raise _stopped(error, run) from error
            asked = getattr(error, "retry_after", None) or 0
            await wait(max(float(asked), min(2.0 ** (failures - 1), LONGEST_WAIT)))
            continue
        except MiniClaudeError as error:
            raise _stopped(error, run) from error
        failures = 0
        journal.append(reply)
        run.take(reply)
        tell(run.kept, run.requests, run.prompt_tokens + run.completion_tokens)


def _stopped(error: MiniClaudeError, run: _Run) -> MiniClaudeError:
    """The same error, saying also what is safe."""
    error.hint = (
        f"{error.hint} {run.kept:,} examples are safe; the same command goes on from there."
    )
    return error


class _Run:
    """The examples so far, as a function of the answers so far."""

    def __init__(self, seeds: Sequence[Example], out: Path, options: SynthesisOptions) -> None:
        self._seeds = seeds
        self._out = out
        self._options = options
        self._stages = row_stages()
        self._similar = SimilarRows(options.similar)
        for start in range(0, len(seeds), 500):
            self._similar.find([compared(example) for example in seeds[start : start + 500]])
        self._lines: list[str] = []
        self._rejections: list[str] = []
        self._files: list[TextIO] = []
        self._rejected: Counter[str] = Counter()
        self._number = self._attempt = self._fruitless = 0
        self._again: tuple[str, str] | None = None
        self._problem = ""
        self.kept = self.requests = self.refused = self.malformed = 0
        self.prompt_tokens = self.completion_tokens = 0

    def next_prompt(self) -> tuple[Message, ...] | None:
        """What to ask now; None when there are enough, or the limit of requests is reached.

        Raises DatasetError when answer after answer was useless.
        """
        most = 3 * -(-self._options.count // self._options.batch) + FRUITLESS
        if self.kept >= self._options.count or self.requests >= most:
            return None
        if self._fruitless >= FRUITLESS:
            raise DatasetError(
                f"The last {FRUITLESS} answers held no usable example: {self._problem}",
                hint=f"{self.kept:,} examples are safe. Try a more capable model, or other seeds.",
            )
        prompt = _prompt(self._seeds, self._options, self._number)
        return corrected(prompt, *self._again) if self._again else prompt

    def take(self, reply: Reply) -> None:
        """Make examples of an answer."""
        self.requests += 1
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        place = Place(self._out.name, self.requests, "answer")
        kept = 0
        if is_refusal(reply.text):
            self.refused += 1
            self._problem = f"the model declined ({reply.text.strip()[:120]})"
            self._next()
        else:
            try:
                items = read_reply(reply.text, place, self._options.batch)
            except RowError as error:
                self.malformed += 1
                self._problem = error.message
                self._retry(reply.text, error.message)
            else:
                kept = sum(self._gate(item) for item in items)
                self._next()
        self._fruitless = 0 if kept else self._fruitless + 1

    @contextmanager
    def files(self) -> Iterator[None]:
        """From here on examples are written as they come; those so far first."""
        rejected = self._out.with_name(f"{self._out.stem}.rejected.jsonl")
        for path, lines in ((self._out, self._lines), (rejected, self._rejections)):
            partial = path.with_name(f".{path.name}.partial")
            partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            partial.replace(path)
        with (
            self._out.open("a", encoding="utf-8") as kept,
            rejected.open("a", encoding="utf-8") as left_out,
        ):
            self._files = [kept, left_out]
            yield

    def close(self) -> None:
        """Release the search."""
        self._similar.close()

    def result(self) -> Synthesis:
        """What came of it."""
        return Synthesis(
            self.kept,
            self.requests,
            dict(self._rejected.most_common()),
            self.refused,
            self.malformed,
            self.prompt_tokens,
            self.completion_tokens,
            self.kept >= self._options.count,
        )

    def _gate(self, item: Item) -> bool:
        """Whether it is one more example."""
        for stage in self._stages:
            if isinstance(item, Example):
                item = stage.judge(item)
        if isinstance(item, Example):
            found = self._similar.find([compared(item)])
            if found.matches.get(0):
                item = Rejection(
                    item.place,
                    "near_duplicate_row",
                    "too like a seed or an earlier example.",
                    "Nothing to do.",
                    row_line(item)[:2_000],
                )
        if isinstance(item, Rejection):
            self._rejected[item.error] += 1
            self._problem = item.message
            self._write(1, self._rejections, rejection_line(item))
            return False
        if self.kept >= self._options.count:
            return False
        self.kept += 1
        self._write(0, self._lines, row_line(item))
        return True

    def _write(self, file: int, lines: list[str], line: str) -> None:
        if self._files:
            self._files[file].write(f"{line}\n")
            self._files[file].flush()
            os.fsync(self._files[file].fileno())
        else:
            lines.append(line)

    def _next(self) -> None:
        self._number += 1
        self._attempt = 0
        self._again = None

    def _retry(self, text: str, problem: str) -> None:
        if self._attempt >= self._options.retries:
            self._next()
        else:
            self._attempt += 1
            self._again = text, problem


def _prompt(
    seeds: Sequence[Example], options: SynthesisOptions, number: int
) -> tuple[Message, ...]:
    """Request `number`: which seeds it shows depends on nothing else."""
    order = random.Random(f"{options.seed} {number}")  # noqa: S311  # no secret
    shown = order.sample(list(seeds), min(options.shown, len(seeds)))
    return make_prompt(shown, options.batch)


def _key(seeds: Sequence[Example], options: SynthesisOptions, model: str) -> str:
    """What the answers depend on; not the count, so that more can be asked for later."""
    facts = [model, options.batch, options.shown, options.retries, options.similar, options.seed]
    text = "\n".join([encode(facts), *(row_line(example) for example in seeds)])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
