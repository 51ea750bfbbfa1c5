"""Renders chat templates in a process of its own: a template is a program from a model folder.

Jinja's sandbox keeps a template from Python's internals, but not from computing for ever or
filling the memory: a list that holds itself twice, forty times over, hangs in one call that no
check in the same process can interrupt. Hence this worker, which the operating system limits:
processor time by an interval timer, memory and files by resource limits. It is started as
`python -I template_worker.py` and imports nothing but Jinja. See `template.py` for the other end.

One request a line: {"source": str, "calls": [variables, …]}; one answer a line: a list with,
for each call, {"text": …}, {"refused": …} when the template itself raised (raise_exception), or
{"error": …} when it is at fault.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import jinja2
import jinja2.ext
import jinja2.utils
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

CPU_SECONDS = 1.0
"""Processor time for one request; after it the kernel ends the process."""
MAX_MEMORY = 1024**3
"""Bytes of address space."""
MAX_OUTPUT = 16 * 1024 * 1024
"""Characters one rendering may have."""


class Refused(jinja2.TemplateError):
    """The template called raise_exception: it does not accept these messages."""


class Namespace(jinja2.utils.Namespace):
    """Jinja's `namespace()`, without attributes that Python itself would look up."""

    def __init__(*args: Any, **kwargs: Any) -> None:
        self, *rest = args
        for name in dict(*rest, **kwargs):
            Namespace._check(name)
        jinja2.utils.Namespace.__init__(self, *rest, **kwargs)

    def __setitem__(self, name: str, value: Any) -> None:
        Namespace._check(name)
        super().__setitem__(name, value)

    @staticmethod
    def _check(name: object) -> None:
        if str(name).startswith("_"):
            raise SecurityError(f"a namespace may not hold {name!r}")


class GenerationTag(jinja2.ext.Extension):
    """`{% generation %}…{% endgeneration %}` marks an answer for other tools; here, no more
    than what it encloses."""

    tags = {"generation"}  # noqa: RUF012  # jinja2 declares it as an instance attribute

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        """Return the enclosed statements themselves."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON without Jinja's HTML escapes, which models were not trained on."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def raise_exception(message: str) -> None:
    """How a template refuses messages it has no place for."""
    raise Refused(message)


def strftime_now(layout: str) -> str:
    """The local date and time, for templates that tell the model what day it is."""
    return datetime.now().strftime(layout)


@lru_cache(maxsize=16)
def compile_template(source: str) -> jinja2.Template:
    """Compile in the dialect that Hugging Face's chat templates are written in."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols, GenerationTag]
    )
    environment.filters["tojson"] = tojson
    environment.globals |= {
        "raise_exception": raise_exception,
        "strftime_now": strftime_now,
        "namespace": Namespace,
    }
    return environment.from_string(source)


def render(source: str, variables: Mapping[str, object]) -> dict[str, str]:
    """One rendering, as the answer that goes over the pipe."""
    try:
        pieces: list[str] = []
        size = 0
        for piece in compile_template(source).generate(variables):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_OUTPUT:
                return {"error": f"it writes more than {MAX_OUTPUT:,} characters"}
        return {"text": "".join(pieces)}
    except Refused as refusal:
        return {"refused": str(refusal)}
    except jinja2.TemplateSyntaxError as error:
        return {"error": f"line {error.lineno}: {error.message}"}
    except MemoryError:
        return {"error": f"it needs more than {MAX_MEMORY // 1024**2:,} MiB of memory"}
    except Exception as error:  # whatever a template provokes is its own fault, and is reported
        return {"error": f"{type(error).__name__}: {str(error)[:500]}"}


def answer(line: str) -> str:
    """One request line to one answer line."""
    request = json.loads(line)
    calls: Sequence[Mapping[str, object]] = request["calls"]
    return json.dumps([render(request["source"], variables) for variables in calls])


def limit_resources() -> None:
    """No more memory than MAX_MEMORY, no file written, no core dump, where the system can."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    for limit, value in (
        (resource.RLIMIT_AS, MAX_MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(limit, (allowed, allowed))
        except (OSError, ValueError):  # macOS refuses RLIMIT_AS
            continue


def main() -> None:
    """Answer requests until the pipe closes."""
    limit_resources()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for line in sys.stdin:
        # The timer's default action ends the process, even in the middle of a C function.
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        reply = answer(line)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(reply + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
