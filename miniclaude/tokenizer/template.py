"""A chat template: Jinja stored with a checkpoint, rendered where it can do no harm."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from miniclaude.errors import ChatTemplateError, InvalidRequestError
from miniclaude.tokenizer import template_worker
from miniclaude.tokenizer.chat_formats import format_of
from miniclaude.tokenizer.tool_format import ToolFormat, find_tool_format

MAX_TEMPLATE = 256 * 1024
"""Characters of Jinja source; the longest in common use have about 20,000."""

_REPAIR = "Repair chat_template in the model folder, or pull the model again."


@dataclass(frozen=True, slots=True)
class Rendering:
    """A rendered conversation, or why there is none: `text` or `error` is None.

    error: InvalidRequestError when the template refuses these messages, ChatTemplateError when
    the template is at fault.
    """

    text: str | None
    error: ChatTemplateError | InvalidRequestError | None

    def unwrap(self) -> str:
        """The text; raises the error when there is none."""
        if self.error is not None:
            raise self.error
        return self.text or ""


class ChatTemplate:
    """One or more Jinja sources by name: `default`, and often `tool_use`.

    Templates of our own (`chat_formats.py`) are rendered here; a model folder's in a worker
    process that is started at the first need and ends with this object.
    Raises ChatTemplateError when a source exceeds MAX_TEMPLATE or none is the default.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        for name, source in sources.items():
            if len(source) > MAX_TEMPLATE:
                raise ChatTemplateError(
                    f"The chat template {name!r} has {len(source):,} characters; "
                    f"at most {MAX_TEMPLATE:,} are accepted.",
                    hint=_REPAIR,
                )
        self.sources = dict(sources)
        self._worker = _Worker()
        self._shows_system: dict[str, bool] = {}
        self._tool_format: ToolFormat | None = None

    @property
    def is_ours(self) -> bool:
        """Every source is one of our own, so that rendering asks no other process."""
        return all(format_of(source) is not None for source in self.sources.values())

    def source(self, *, tools: bool) -> str:
        """The source to use, with tools or without."""
        names = ("tool_use", "default") if tools else ("default",)
        for name in names:
            if name in self.sources:
                return self.sources[name]
        raise ChatTemplateError(
            f"The model has chat templates {sorted(self.sources)} but none called 'default'.",
            hint=_REPAIR,
        )

    def shows_system(self, source: str, names: Mapping[str, str]) -> bool:
        """Whether the template has a place for a system message; found out by trying.

        Some templates refuse the role, some leave the message out.
        """
        if source not in self._shows_system:
            probe = "the system message"
            messages = [{"role": "system", "content": probe}, {"role": "user", "content": "hello"}]
            variables = {**names, "messages": messages, "add_generation_prompt": True}
            [rendering] = self.render(source, [variables])
            self._shows_system[source] = probe in (rendering.text or "")
        return self._shows_system[source]

    def tool_format(
        self, names: Mapping[str, str], special: Collection[str], ends: Sequence[str]
    ) -> ToolFormat:
        """How calls of tools are written; found out by trying. special, ends: as
        `find_tool_format` has them."""
        if self._tool_format is None:
            source = self.source(tools=True)

            def render(calls: Sequence[Mapping[str, object]]) -> list[str | None]:
                rendered = self.render(source, [{**names, **call} for call in calls])
                return [rendering.text for rendering in rendered]

            self._tool_format = find_tool_format(render, special, ends)
        return self._tool_format

    def render(self, source: str, calls: Sequence[Mapping[str, object]]) -> list[Rendering]:
        """Render `source` once for each set of variables (JSON values).

        Raises ChatTemplateError when the template exceeds its time or memory.
        """
        if format_of(source) is not None:
            answers = [template_worker.render(source, call) for call in calls]
        else:
            answers = self._worker.ask(source, calls)
        return [_rendering(answer) for answer in answers]


def _rendering(answer: Mapping[str, str]) -> Rendering:
    if "refused" in answer:
        why = answer["refused"].rstrip(".")
        return Rendering(
            None,
            InvalidRequestError(
                f"The model's chat template refuses these messages: {why}.",
                hint="Change the roles or their order as it says.",
                param="messages",
            ),
        )
    if "error" in answer:
        message = f"The model's chat template fails: {answer['error'].rstrip('.')}."
        return Rendering(None, ChatTemplateError(message, hint=_REPAIR))
    return Rendering(answer["text"], None)


class _Worker:
    """The near end of `template_worker.py`; started when first asked, again after a death."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._end: Callable[[], object] | None = None

    def ask(self, source: str, calls: Sequence[Mapping[str, object]]) -> list[dict[str, str]]:
        """The worker's answers; ChatTemplateError when it died over the question."""
        request = json.dumps({"source": source, "calls": list(calls)})
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._start()
            reply = self._exchange(process, request + "\n")
            if not reply.endswith("\n"):
                raise ChatTemplateError(_why_it_died(process.wait()), hint=_REPAIR)
        answers: list[dict[str, str]] = json.loads(reply)
        return answers

    @staticmethod
    def _exchange(process: subprocess.Popen[str], line: str) -> str:
        """The answer to one line; without its newline when the worker died over it."""
        stdin, stdout = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        try:
            stdin.write(line)
            stdin.flush()
            return stdout.readline()
        except BrokenPipeError:
            return ""
        except BaseException:
            # Interrupted (Ctrl-C): its answer would be taken for the next one's.
            process.kill()
            process.wait()
            raise

    def _start(self) -> subprocess.Popen[str]:
        """Isolated (-I: no environment, no user packages), and told nothing of ours."""
        if self._end is not None:
            self._end()
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(template_worker.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            encoding="utf-8",
        )
        self._end = weakref.finalize(self, _end, self._process)
        return self._process


def _why_it_died(status: int) -> str:
    """The message for a worker's exit status; negative is a signal's number."""
    if status == -signal.SIGPROF:
        return (
            "The model's chat template takes more than "
            f"{template_worker.CPU_SECONDS:g} s of processor time."
        )
    return f"The model's chat template ended the process that renders it (status {status})."


def _end(process: subprocess.Popen[str]) -> None:
    """Stop a worker and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(BrokenPipeError):
            cast(IO[str], pipe).close()
