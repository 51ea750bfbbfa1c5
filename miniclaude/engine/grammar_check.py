"""Whether a grammar can be compiled within bounds: the near end of `grammar_trial.py`."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from miniclaude.engine import grammar_trial
from miniclaude.engine.grammar import misread
from miniclaude.errors import InvalidRequestError


class GrammarCheck:
    """The process that tries grammars; started when first asked, again after a death."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._end: Callable[[], object] | None = None

    def check(self, grammar: str) -> None:
        """Raises InvalidRequestError (code `invalid_grammar`) with what is wrong or too much."""
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._start()
            stdin, stdout = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
            try:
                stdin.write(json.dumps(grammar) + "\n")
                stdin.flush()
                reply = stdout.readline()
            except BrokenPipeError:
                reply = ""
            if not reply.endswith("\n"):
                raise refused("The grammar cannot be compiled", _why_it_died(process.wait()))
        if why := json.loads(reply):
            raise refused("The grammar cannot be compiled", why)

    def _start(self) -> subprocess.Popen[str]:
        """Isolated (-I: no environment, no user packages), and told nothing of ours."""
        if self._end is not None:
            self._end()
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(grammar_trial.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            encoding="utf-8",
        )
        self._end = weakref.finalize(self, _end, self._process)
        return self._process


TOO_LARGE_BOUNDS = "the bounds of a number are too large to be followed"
"""What is said of them; by this their place is found."""

IN_OUR_WORDS = (
    (
        r"Regex is empty: *(.{0,160})",
        r"no text fits all that is asked of it together: \1",
        "Correct or leave out one of its pattern, its format and the bounds of its length.",
    ),
    (
        r"^Failed to generate regex for \w+ range: (.*)",
        TOO_LARGE_BOUNDS + r": \1",
        "Keep minimum and maximum between -1e18 and 1e18, or leave them out.",
    ),
    (
        r"Current row has (\d+) items; max is (\d+).*",
        r"too many properties that may be left out stand at one place: \1 items, at most \2",
        "Name more of them in `required`, or fewer in all: one object may have 1,000 that may be"
        " left out, and those that allOf or anyOf combine about 1,100 together.",
    ),
    (
        r"^patternProperty regexes (.*) are not disjoint",
        r"a name could fit two of its patternProperties: \1",
        "Write patterns of which no name fits two.",
    ),
    (
        r"^min/maxProperties only supported.*",
        "minProperties and maxProperties cannot be followed beside properties that may be left out",
        "Leave them out, or name every property in `required`.",
    ),
    (
        r"^Unsatisfiable schema: (.*)",
        r"no value is what the schema asks for, because of this: \1",
        "Correct or leave out what contradicts the rest of it.",
    ),
    (
        r"regex parse error: (.*) error: (.*)",
        misread(r"\1") + r": \2",
        "Write it as Rust's `regex` does: no look-around, no references back.",
    ),
    (
        r"lookarounds not supported yet; \w+ in regex /(.*)/",
        misread(r"\1") + ": it looks at what stands around a place in the text",
        "Leave out bounds of words (\\b, \\<, \\>), and ^ and $ in the middle of it.",
    ),
    (
        r"^oneOf constraints are not supported.*",
        "it cannot be seen of a oneOf that no value fits two of its schemas",
        "Write anyOf, or give each of them a property with a `const` of its own.",
    ),
    (
        r"(fuel exhausted|schema too large|[Tt]oo many|takes more than|lexer error)(.*)",
        r"it takes too much work: \1\2",
        "Make the schema or the expression simpler: fewer or smaller bounds, patterns and"
        " alternatives.",
    ),
)
"""The library's reasons, ours for them, and what to do."""

NOT_FOR_CALLERS = r"(\d+ )?\|( |$)|<non-verbose|\^+( *\^+)?$"
"""Lines that show places in the grammar, and the carets under an expression, which may itself begin
with one."""

SHARED = GrammarCheck()
"""One for each process of ours; nothing is started before the first grammar."""


def refused(what: str, why: str) -> InvalidRequestError:
    """The library's reason without the places in a text that the caller never saw."""
    lines = [line.strip() for line in why.splitlines()]
    told = [line for line in lines if line and not re.match(NOT_FOR_CALLERS, line)]
    reason = " ".join(told[:6])
    reason = re.sub(r"^at \d+\(\d+\): (failed to compile JSON schema: )?", "", reason)
    reason = re.sub(r"\bSome\((-?[\d.e+-]+)\)", r"\1", reason)  # a number, as Rust shows it
    for form, ours, cure in IN_OUR_WORDS:
        if found := re.search(form, reason):
            reason, hint = found.expand(ours), cure
            break
    else:
        reason = f"it asks for what cannot be followed here ({reason[:160].rstrip('.')})"
        hint = "Make the schema or the expression simpler."
    return InvalidRequestError(
        f"{what}: {reason[:300].rstrip('.')}.", hint=hint, code="invalid_grammar"
    )


def _why_it_died(status: int) -> str:
    """For an exit status; negative is a signal's number."""
    if status == -signal.SIGPROF:
        return f"it takes more than {grammar_trial.CPU_SECONDS:g} s of processor time"
    return f"it takes more than {grammar_trial.MAX_MEMORY >> 20:,} MiB of memory"


def _end(process: subprocess.Popen[str]) -> None:
    """Stop a process and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(BrokenPipeError):
            cast(IO[str], pipe).close()
