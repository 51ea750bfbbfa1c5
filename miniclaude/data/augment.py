"""More variety from the conversations there are, without inventing an answer.

Three things are tried: requests in other words (`paraphrase.py`), single exchanges joined into a
conversation of several turns, and a system prompt where hardly any row has one. Copies of rows
would lower the diversity that they are meant to raise, so a row is varied in its place; and what
does not raise a measure (distinct trigrams of what is said, coverage of kinds and forms) is undone.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.example import Example
from miniclaude.data.kinds import FORMS, KINDS, kind_of
from miniclaude.data.paraphrase import paraphrases
from miniclaude.data.shingles import hash_shingles
from miniclaude.messages import Message, TextPart, text_message

Conversation = tuple[Message, ...]

KEPT_AS_WRITTEN = frozenset({"code", "format", "tools", "passage", "arithmetic", "text"})
"""Kinds whose requests must not be put in other words."""

SYSTEM_PROMPTS = (
    "You are a helpful assistant.",
    "You are a kind and careful assistant.",
    "You are a helpful assistant. Be honest when you do not know something.",
    "You are a friendly assistant who answers plainly.",
    "Answer the user as well as you can.",
)
"""Prompts that no good answer contradicts."""

VARIED_SHARE = 0.3  # at most this share of the rows is put in other words
JOINED_SHARE = 0.1  # of the rows, where conversations of several turns are missing
SYSTEM_SHARE = 0.1  # of the rows, where system prompts are missing
ENOUGH = 0.05  # a form that this share of the rows has is not missing
COVERED = 0.01  # a kind or form that this share of the rows has is covered
MOST_JOINED = 3  # exchanges in one conversation
LONGEST_JOINED = 2_000  # characters of an exchange that is joined


@dataclass(frozen=True, slots=True)
class Diversity:
    """How varied rows are. trigrams: three words in a row, in what user and assistant say;
    distinct: different ones among them. covered: kinds and forms that enough rows have."""

    trigrams: int
    distinct: int
    covered: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """distinct / trigrams; 1 where there are none."""
        return self.distinct / self.trigrams if self.trigrams else 1.0

    @property
    def coverage(self) -> float:
        """Share of all known kinds and forms that are covered."""
        return len(self.covered) / (len(KINDS) + len(FORMS))

    def as_dict(self) -> dict[str, object]:
        """For reports."""
        return {
            "trigrams": self.trigrams,
            "distinct_trigrams": self.distinct,
            "distinct_ratio": round(self.ratio, 4),
            "type_coverage": round(self.coverage, 4),
            "covered": list(self.covered),
        }


def measure(examples: Iterable[Example]) -> Diversity:
    """The diversity of rows, counted from nothing."""
    kinds: Counter[str] = Counter()
    texts: list[str] = []
    rows = 0
    for example in examples:
        rows += 1
        kinds[kind_of(example)] += 1
        kinds.update(forms_of(example))
        texts += spoken(example)
    covered = tuple(
        name for name in (*KINDS, *FORMS) if kinds[name] and kinds[name] >= COVERED * rows
    )
    hashes = hash_shingles(texts).hashes
    return Diversity(len(hashes), distinct(hashes), covered)


def distinct(hashes: NDArray[np.uint64]) -> int:
    """How many different ones there are. hashes: [n]. (`np.unique` takes several times as long.)"""
    ordered = np.sort(hashes)
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + min(len(ordered), 1)


def spoken(example: Example) -> list[str]:
    """What user and assistant say, a text each; of plain text, the text."""
    if example.task == "text":
        return [example.text]
    answers = (*example.chosen, *example.rejected)
    return [m.text for m in (*example.messages, *answers) if m.role in ("user", "assistant")]


def forms_of(example: Example) -> list[str]:
    """Which of `FORMS` the conversation has."""
    forms = []
    if sum(message.role == "user" for message in example.messages) > 1:
        forms.append("several-turns")
    if any(message.role == "system" for message in example.messages):
        forms.append("system-prompt")
    return forms


@dataclass(slots=True)
class Augmented:
    """Rows after augmentation, and what was done to them.

    varied: requests put in other words. joined: exchanges that became part of a conversation;
    merged: rows fewer for it. systems: rows given a system prompt. undone: changes that were tried
    and did not help.
    """

    examples: list[Example]
    before: Diversity
    after: Diversity
    varied: int = 0
    joined: int = 0
    merged: int = 0
    systems: int = 0
    undone: int = 0
    samples: list[tuple[str, str]] = field(default_factory=list)

    def report(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "varied_requests": self.varied,
            "joined_rows": self.joined,
            "merged_rows": self.merged,
            "given_system_prompts": self.systems,
            "tried_and_undone": self.undone,
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "samples": [{"before": old, "after": new} for old, new in self.samples],
        }


def augment(
    examples: Sequence[Example],
    *,
    seed: int,
    system: str = "",
    written: Mapping[str, str] | None = None,
) -> Augmented:
    """Rows with more variety. system: the prompt to back-fill instead of the built-in ones.
    written: paraphrases of requests by somebody else (a provider), tried beside the rules'.

    The same rows and seed give the same result. Each step's result is kept only if no measure
    falls by it and one rises.
    """
    before = measure(examples)
    result = Augmented(list(examples), before, before)
    _vary(result, random.Random(f"vary {seed}"), written or {})  # noqa: S311  # no secret
    _join(result, random.Random(f"join {seed}"))  # noqa: S311
    _give_system(result, random.Random(f"system {seed}"), system)  # noqa: S311
    return result


def _vary(result: Augmented, order: random.Random, written: Mapping[str, str]) -> None:
    """Put requests in other words where that leaves more distinct trigrams among all.

    Counts are kept up to date row by row, so that the hundredth "Could you please" is no gain.
    """
    texts = [text for example in result.examples for text in spoken(example)]
    counts: Counter[int] = Counter(hash_shingles(texts).hashes.tolist())
    total, different = counts.total(), len(counts)
    places = list(range(len(result.examples)))
    order.shuffle(places)
    most = int(VARIED_SHARE * len(places))
    rows = list(result.examples)
    varied = 0
    samples: list[tuple[str, str]] = []
    for place in places:
        if varied >= most:
            break
        at = request_of(rows[place])
        if at is None:
            continue
        request = rows[place].messages[at].text
        candidates = paraphrases(request)
        order.shuffle(candidates)
        if request in written:
            candidates.append(written[request])
        if not candidates:
            continue
        old, *others = _trigrams([request, *candidates])
        lost = sum(counts[trigram] == times for trigram, times in old.items())
        best: tuple[float, str, Counter[int]] | None = None
        for candidate, new in zip(candidates, others, strict=True):
            # A trigram that only this request has is new again if the candidate has it too.
            won = sum(counts[trigram] == old[trigram] for trigram in new)
            ratio = (different - lost + won) / max(total - old.total() + new.total(), 1)
            if ratio > (best[0] if best else different / max(total, 1)):
                best = ratio, candidate, new
        if best is None:
            result.undone += 1
            continue
        _, chosen, new = best
        counts.subtract(old)
        for trigram in old:
            if not counts[trigram]:
                del counts[trigram]
        counts.update(new)
        total += new.total() - old.total()
        different = len(counts)
        rows[place] = _with_text(rows[place], at, chosen)
        varied += 1
        if len(samples) < 5:
            samples.append((request, chosen))
    if _keep(result, rows, varied):
        result.varied, result.samples = varied, samples


def _trigrams(texts: list[str]) -> list[Counter[int]]:
    """Each text's trigrams, as hashes, with how often it has them."""
    found = hash_shingles(texts)
    bounds = found.bounds.tolist()
    return [Counter(found.hashes[start:end].tolist()) for start, end in itertools.pairwise(bounds)]


def _join(result: Augmented, order: random.Random) -> None:
    """Join single exchanges into conversations, where those of several turns are missing.

    A model that has only seen single exchanges answers the second question as if it were part of
    the first; joined ones teach it to answer what was asked last.
    """
    rows = result.examples
    several = sum("several-turns" in forms_of(example) for example in rows)
    if several >= ENOUGH * len(rows):
        return
    single = [place for place, example in enumerate(rows) if _is_single(example)]
    order.shuffle(single)
    single = single[: int(JOINED_SHARE * len(rows))]
    gone: set[int] = set()
    changed = list(rows)
    joined = merged = 0
    while len(single) >= 2:
        count = min(order.randint(2, MOST_JOINED), len(single))
        places, single = sorted(single[:count]), single[count:]
        chosen = [rows[place] for place in places]
        kinds = {example.kind for example in chosen}
        changed[places[0]] = replace(
            chosen[0],
            messages=tuple(message for example in chosen for message in example.messages),
            kind=kinds.pop() if len(kinds) == 1 else "",
        )
        gone.update(places[1:])
        joined += count
        merged += count - 1
    kept = [example for place, example in enumerate(changed) if place not in gone]
    if _keep(result, kept, joined):
        result.joined, result.merged = joined, merged


def _give_system(result: Augmented, order: random.Random, system: str) -> None:
    rows = result.examples
    having = sum("system-prompt" in forms_of(example) for example in rows)
    if having >= ENOUGH * len(rows):
        return
    without = [
        place
        for place, example in enumerate(rows)
        if example.task != "text" and "system-prompt" not in forms_of(example)
    ]
    order.shuffle(without)
    changed = list(rows)
    chosen = without[: int(SYSTEM_SHARE * len(rows))]
    for place in chosen:
        prompt = text_message("system", system or order.choice(SYSTEM_PROMPTS))
        example = rows[place]
        changed[place] = replace(
            example,
            messages=(prompt, *example.messages),
            unlearned=frozenset(index + 1 for index in example.unlearned),
        )
    if _keep(result, changed, len(chosen)):
        result.systems = len(chosen)


def _keep(result: Augmented, rows: list[Example], changes: int) -> bool:
    """Take the rows over if that is a gain: one measure rises and none falls."""
    after = measure(rows)
    old = result.after
    gain = after.ratio >= old.ratio and after.coverage >= old.coverage
    gain = gain and (after.ratio > old.ratio or after.coverage > old.coverage)
    if gain:
        result.examples, result.after = rows, after
    else:
        result.undone += changes
    return gain


def request_of(example: Example) -> int | None:
    """The index of the request that may be put in other words: the first, of a conversation of a
    kind where words may change."""
    if example.task != "supervised" or example.tools or kind_of(example) in KEPT_AS_WRITTEN:
        return None
    for index, message in enumerate(example.messages):
        if message.role == "user":
            return index if all(type(part) is TextPart for part in message.parts) else None
    return None


def _is_single(example: Example) -> bool:
    """One question, one answer, nothing else, and not long."""
    return (
        example.task == "supervised"
        and [message.role for message in example.messages] == ["user", "assistant"]
        and not example.tools
        and not example.unlearned
        and not example.messages[-1].tool_calls
        and sum(len(message.text) for message in example.messages) <= LONGEST_JOINED
    )


def _with_text(example: Example, index: int, text: str) -> Example:
    messages = list(example.messages)
    messages[index] = replace(messages[index], parts=text_message("user", text).parts)
    return replace(example, messages=tuple(messages))


def join_conversations(
    conversations: Sequence[Conversation], *, most: int, rounds: int, seed: int
) -> list[Conversation]:
    """Conversations of one to `most` of the given ones, one after the other.

    Each given conversation occurs once in every round, in a new order; the same seed gives the
    same result.
    """
    random_order = random.Random(seed)  # noqa: S311  # a shuffle, not a secret
    joined: list[Conversation] = []
    for _ in range(rounds):
        left = list(conversations)
        random_order.shuffle(left)
        while left:
            count = random_order.randint(1, most)
            joined.append(tuple(message for one in left[:count] for message in one))
            del left[:count]
    return joined
