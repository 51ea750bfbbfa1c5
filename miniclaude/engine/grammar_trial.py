"""Compiles grammars in a process of its own, to see whether they can be compiled at all.

llguidance counts its work, but not all of it: forty patterns that must hold at once fill seven
gigabytes in two minutes, in one call that nothing in the same process can interrupt. Hence this
process, which the operating system limits: processor time by an interval timer, memory by a
resource limit. What passes here is compiled again by the engine with its own vocabulary; here
every byte is a token. It is started as `python -I grammar_trial.py` and imports nothing but
llguidance; `grammar_check.py` is the other end.

One grammar a line, as JSON; one answer a line: why it is refused, or "".
"""

from __future__ import annotations

import json
import re
import signal
import sys

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

CPU_SECONDS = 1.5
"""Processor time for one grammar; after it the kernel ends the process."""
MAX_MEMORY = 192 * 1024**2
"""Bytes of address space; the largest schemas that are accepted need about 75 MB."""

LIMITS = LLParserLimits(
    initial_lexer_fuel=500_000,
    step_lexer_fuel=100_000,
    max_lexer_states=20_000,
    max_items_in_row=4_500,
    max_grammar_size=200_000,
    verbose_errors=False,
)
"""Measured with GPT-2's vocabulary on one core: what passes compiles in at most about 1 s, and one
step's mask takes at most about 15 ms; ordinary schemas take 2 ms and 0.1 ms. A row is what may be
next: four items for each property that may be left out, of which an object has up to 1,000."""


def trial(tokens: LLTokenizer, grammar: str) -> str:
    """Why the grammar is refused; empty when it is not."""
    grammar = re.sub(r"<\[\d+\]>", "<[0]>", grammar)  # special tokens, which this vocabulary lacks
    matcher = LLMatcher(tokens, grammar, log_level=0, limits=LIMITS)
    if not matcher.is_error():
        matcher.compute_bitmask()  # the first mask finds more of what is too much
    if not matcher.is_error() and matcher.try_consume_tokens([ord("{")]):
        matcher.compute_bitmask()  # and so does an object that offers too many properties
    return matcher.get_error()


def limit_memory() -> None:
    """No more than MAX_MEMORY, and no core dump, where the system can."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    for limit, value in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(limit)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(limit, (allowed, allowed))
        except (OSError, ValueError):  # macOS refuses RLIMIT_AS
            continue


def main() -> None:
    """Answer until the pipe closes."""
    limit_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    tokens = LLTokenizer("byte")
    for line in sys.stdin:
        # The timer's default action ends the process, even in the middle of a native function.
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        reply = trial(tokens, json.loads(line))
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
