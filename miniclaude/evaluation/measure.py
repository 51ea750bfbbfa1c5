"""One model on one suite: everything that is measured, as the JSON values of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from miniclaude.evaluation.conduct import answer_checks, answer_references, sample_replies
from miniclaude.evaluation.likelihood import conversation_documents, score, text_documents
from miniclaude.evaluation.overlap import overlap
from miniclaude.evaluation.repetition import is_dead_end, loop
from miniclaude.evaluation.rules import Answered, failures
from miniclaude.evaluation.safety import judge, refuses
from miniclaude.evaluation.speaking import Document, Reply, Speaker, Tools
from miniclaude.evaluation.suite import Check, Reference, Suite
from miniclaude.messages import text_message

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it, and how much there is."""

VERSION = 1
SHOWN = 1_000
"""Characters of an answer that the report keeps."""
KEPT_REPLIES = 20
"""Looping or endless replies that the report keeps."""


def no_progress(step: str, done: int, total: int) -> None:
    """Tells nobody."""


def measure(
    suite: Suite,
    speaker: Speaker,
    tools: Tools,
    *,
    replies: int = 500,
    seed: int = 0,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Measure a model. replies: how many are sampled. seed: of all that is drawn.

    Everything in the result depends on model, suite, replies and seed alone: no times, no dates.
    Raises EngineError when the model fails.
    """
    facts = speaker.facts
    answered = answer_checks(
        suite.checks,
        speaker,
        tools,
        seed=seed,
        told=_counter("Checks", len(suite.checks), progress),
    )
    written = answer_references(
        suite.references, speaker, _counter("References", len(suite.references), progress)
    )
    drawn = sample_replies(
        suite.openings,
        replies,
        speaker,
        seed=seed,
        told=_counter("Sampled replies", replies if suite.openings else 0, progress),
    )
    checks = [_checked(*pair) for pair in zip(suite.checks, answered, strict=True)]
    return {
        "version": VERSION,
        "model": facts.name,
        "dtype": facts.dtype,
        "parameters": facts.parameters,
        "context": facts.context,
        "suite": {"names": list(suite.names), "digest": suite.digest, "checks": len(checks)},
        "seed": seed,
        "settings": dict(facts.settings),
        "held_out": _held_out(suite, speaker, progress),
        "references": _references(suite.references, written),
        "kinds": _kinds(checks),
        "safety": _safety(suite.checks, answered),
        "greedy": _repetition(answered),
        "replies": _replies(drawn),
        "checks": checks,
    }


def _counter(step: str, total: int, progress: Progress) -> Callable[[], None]:
    done = 0
    if total:
        progress(step, 0, total)

    def told() -> None:
        nonlocal done
        done += 1
        progress(step, min(done, total), total)

    return told


def _held_out(suite: Suite, speaker: Speaker, progress: Progress) -> dict[str, Any]:
    """Perplexity and bits per byte: of the assistant's turns, references among them, and of
    texts."""
    talks = [
        *suite.conversations,
        *((*one.messages, text_message("assistant", one.answer)) for one in suite.references),
    ]
    found: dict[str, Sequence[Document]] = {
        "conversations": conversation_documents(talks, speaker),
        "texts": text_documents(suite.texts, speaker),
    }
    told = _counter("Likelihoods", sum(map(len, found.values())), progress)
    numbers: dict[str, Any] = {}
    for name, documents in found.items():
        if not documents:
            numbers[name] = None
            continue
        result = score(documents, speaker, told)
        numbers[name] = {
            "documents": len(documents),
            "tokens": result.tokens,
            "bytes": result.size,
            "perplexity": round(result.perplexity, 4),
            "bits_per_byte": round(result.bits_per_byte, 4),
        }
    return numbers


def _references(references: Sequence[Reference], written: Sequence[str]) -> dict[str, Any] | None:
    if not references:
        return None
    result = overlap(written, [one.answer for one in references])
    return {
        "count": len(references),
        "bleu": round(result.bleu, 2),
        "exact": round(result.exact, 4),
        "signature": result.signature,
        "answers": [
            {
                "id": one.id,
                "asked": one.messages[-1].text[:SHOWN],
                "wanted": one.answer[:SHOWN],
                "answer": text[:SHOWN],
            }
            for one, text in zip(references, written, strict=True)
        ],
    }


def _checked(check: Check, answered: Answered) -> dict[str, Any]:
    failed = failures(check.rules, answered)
    row: dict[str, Any] = {
        "id": check.id,
        "kind": check.kind,
        "passed": not failed,
        "failed": list(failed),
        "asked": check.request[:SHOWN],
        "answer": answered.text[:SHOWN],
        "ended": answered.ended,
    }
    if answered.calls:
        row["calls"] = [
            {
                "name": call.name,
                "arguments": call.arguments[:SHOWN],
                "result": call.result[:SHOWN],
            }
            for call in answered.calls
        ]
    return row


def _kinds(checks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many checks of each kind pass, kinds in the order of the suite."""
    total = Counter(str(one["kind"]) for one in checks)
    passed = Counter(str(one["kind"]) for one in checks if one["passed"])
    return {
        kind: {"passed": passed[kind], "count": count, "rate": round(passed[kind] / count, 4)}
        for kind, count in total.items()
    }


def _safety(checks: Sequence[Check], answered: Sequence[Answered]) -> dict[str, Any]:
    """Of the checks that are to be refused, how many were, and how many answers go along; of those
    that are to be answered, how many were refused."""
    pairs = list(zip(checks, answered, strict=True))
    harmful = Counter(
        judge(one.request, one.text) for check, one in pairs if "refuses" in check.rules
    )
    scary = [refuses(one.text) for check, one in pairs if "answers" in check.rules]
    return {
        "harmful_asked": harmful.total(),
        "harmful_answered": harmful["harmful"],
        "harmful_refused": harmful["refused"],
        "harmless_asked": len(scary),
        "harmless_refused": sum(scary),
        "harmless_refused_share": round(sum(scary) / len(scary), 4) if scary else 0.0,
    }


def _repetition(answered: Sequence[Answered]) -> dict[str, Any]:
    return {
        "count": len(answered),
        "loops": sum(bool(loop(one.text)) for one in answered),
        "dead_ends": sum(is_dead_end(one.text, ended=one.ended) for one in answered),
    }


def _replies(drawn: Sequence[tuple[str, Reply]]) -> dict[str, Any] | None:
    """Of the sampled replies, how many go round in circles or lead nowhere."""
    if not drawn:
        return None
    loops = [loop(reply.text) for _, reply in drawn]
    ends = [is_dead_end(reply.text, ended=reply.ended) for _, reply in drawn]
    bad = [place for place in range(len(drawn)) if loops[place] or ends[place]]
    return {
        "count": len(drawn),
        "loops": sum(map(bool, loops)),
        "dead_ends": sum(ends),
        "bad": len(bad),
        "share": round(len(bad) / len(drawn), 4),
        "distinct": len({reply.text.strip() for _, reply in drawn}),
        "examples": [
            {
                "opening": drawn[place][0][:SHOWN],
                "reply": drawn[place][1].text[:SHOWN],
                "repeats": loops[place][:SHOWN],
                "ended": drawn[place][1].ended,
            }
            for place in bad[:KEPT_REPLIES]
        ],
    }
