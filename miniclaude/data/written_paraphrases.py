"""Requests put in other words by a model; what it writes is checked before it is believed."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager

from miniclaude.data.synthesis_prompt import is_refusal
from miniclaude.errors import MiniClaudeError

Writer = Callable[[str], Awaitable[str]]
"""Answers a prompt. Raises `miniclaude.errors`."""

OpenWriter = Callable[[], AbstractAsyncContextManager[Writer]]
"""Opens a writer for as long as it is needed: behind it may be a process or connections."""

PROMPT = (
    "Say the following request in other words. Keep its meaning, its language and everything it"
    " names; do not answer it. Write the new wording alone.\n\n{0}"
)
MOST = 200  # requests that are asked about
FAILURES = 3  # one after the other, after which no more is asked
KEPT = re.compile(r"\d+|[\"'`][^\"'`]{2,}[\"'`]|\b(?:not|never|no|without|don't)\b", re.IGNORECASE)
"""Numbers, quotations and negations: they must be in the new wording too."""


async def written_paraphrases(requests: Iterable[str], writer: Writer) -> dict[str, str]:
    """Each request and its new wording, for at most 200 of them; those whose wording does not pass
    the checks, or that the model does not answer, are left out."""
    written: dict[str, str] = {}
    failures = 0
    for request in list(dict.fromkeys(requests))[:MOST]:
        if failures >= FAILURES:
            break
        try:
            wording = (await writer(PROMPT.format(request))).strip().strip('"').strip()
        except MiniClaudeError:
            failures += 1
            continue
        failures = 0
        if is_faithful(request, wording):
            written[request] = wording
    return written


async def paraphrased(requests: Iterable[str], opened: OpenWriter) -> dict[str, str]:
    """`written_paraphrases` by a writer that is open meanwhile. Raises what opening raises."""
    async with opened() as writer:
        return await written_paraphrases(requests, writer)


def is_faithful(request: str, wording: str) -> bool:
    """Whether a wording can stand for the request, as far as can be told without understanding it:
    one paragraph of about the same length, with the same numbers, quotations and negations."""
    if not wording or wording == request or "\n" in wording or is_refusal(wording):
        return False
    if not 0.4 * len(request) <= len(wording) <= 2.5 * len(request) + 20:
        return False
    if request.rstrip().endswith("?") and not wording.endswith(("?", ".")):
        return False
    return sorted(map(str.lower, KEPT.findall(request))) == sorted(
        map(str.lower, KEPT.findall(wording))
    )
