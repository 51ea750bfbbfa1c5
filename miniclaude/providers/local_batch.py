"""A local model that answers many conversations at once, in this process, always the same way.

It is the engine that serves, without its process and its clock: what is computed together depends
on the requests alone, so the same requests get the same answers. For measuring, where nobody waits
for a single answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.machine import SMALL
from miniclaude.engine.protocol import EngineSpec
from miniclaude.engine.request import AdapterRef, GenerationRequest, Reading, Sampling
from miniclaude.engine.worker import load
from miniclaude.errors import EngineError, InvalidRequestError, MiniClaudeError
from miniclaude.evaluation.speaking import Asked, Document, Reply, Speaking, Told
from miniclaude.messages import Finished, TextDelta, ToolCall, ToolCallDelta
from miniclaude.model.adapter_config import read_adapter_config
from miniclaude.model.facts import read_facts
from miniclaude.model.generation_config import GENERATION_CONFIG, read_sampling_defaults
from miniclaude.model.library import InstalledModel
from miniclaude.providers.base import ChatRequest
from miniclaude.providers.grammars import FREE, answer_form
from miniclaude.providers.tool_answers import CallReader
from miniclaude.tokenizer.chat_template import encode_chat
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer

CACHE_TOKENS = 16_384
"""Capacity of the key/value cache, the same whatever memory is free: it decides what is computed
together."""
NO_END = 1 << 60
"""Tokens that may wait: all of them."""


@dataclass(slots=True)
class _Written:
    """One answer on its way. calls: name and arguments of each."""

    reader: CallReader | None = None
    text: str = ""
    calls: list[list[str]] = field(default_factory=list)
    finish: str = ""

    def add(self, text: str) -> None:
        if self.reader is None:
            self.text += text
        else:
            self._take(self.reader.push(text))

    def end(self, finish: str) -> None:
        self.finish = finish
        if self.reader is not None and finish in ("stop", "length"):
            self._take(self.reader.finish("stop" if finish == "stop" else "length"))

    def _take(self, events: Any) -> None:
        for event in events:
            match event:
                case TextDelta(text=text):
                    self.text += text
                case ToolCallDelta(name=str(name), arguments=arguments):
                    self.calls.append([name, arguments])
                case ToolCallDelta(arguments=arguments):
                    self.calls[-1][1] += arguments
                case Finished(reason=reason):
                    # Of a call that was cut off nothing is known.
                    self.calls = self.calls if reason == "tool_calls" else []

    def reply(self) -> Reply:
        calls = tuple(
            ToolCall(f"call_{number}", name, arguments)
            for number, (name, arguments) in enumerate(self.calls)
        )
        return Reply(self.text, self.finish == "stop", calls)


class LocalBatch:
    """One model of a library, loaded. device, dtype, threads: as an `EngineSpec` has them.

    Raises CheckpointError, TokenizerError, SettingsError, ModelNotFoundError for an adapter without
    its base, and InvalidRequestError for a model that cannot chat.
    """

    def __init__(
        self,
        model: InstalledModel,
        *,
        device: str = "auto",
        dtype: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.tokenizer: Tokenizer = load_tokenizer(model.weights, templates=model.adapter)
        if self.tokenizer.template is None:
            raise InvalidRequestError(
                f"model: {model.name!r} has no chat template, so it cannot chat.",
                hint="Choose a model that was tuned to chat.",
                param="model",
            )
        self._adapter, merged = _adapter_of(model)
        parameters = read_facts(model.weights).parameters
        if threads is None and parameters <= SMALL:
            threads = 1  # packed weights too: there is other work beside this
        limits = EngineLimits(kv_tokens=CACHE_TOKENS, draft_tokens=0, max_queued_tokens=NO_END)
        spec = EngineSpec(model.weights, device, dtype, threads, limits, adapter=merged)
        self._engine, info = load(spec)
        # Nobody waits for these answers, so none is late: the clock stands still.
        self._engine.clock = lambda: 0.0
        own = (model.path / GENERATION_CONFIG).is_file()
        recommended = read_sampling_defaults(model.path if own else model.weights)
        self.facts = Speaking(
            model.name,
            info.dtype,
            parameters,
            info.context,
            recommended,
        )

    def replies(self, asked: Sequence[Asked], told: Told) -> list[Reply]:
        """An answer to each, in order. One whose prompt is refused, or leaves no room, is told as a
        problem. Raises EngineError when the model fails."""
        problems: dict[int, Reply] = {}
        written = [_Written() for _ in asked]
        for place, one in enumerate(asked):
            try:
                request, written[place].reader = self._request(str(place), one)
                self._engine.submit(request)
            except MiniClaudeError as error:
                problems[place] = Reply("", ended=False, problem=error.message)
                told()
        while not self._engine.idle:
            for output in self._step():
                answer = written[int(output.id)]
                answer.add(output.text)
                if output.finish is not None:
                    answer.end(output.finish)
                    told()
            for name, reason in self._engine.expire().items():
                problems[int(name)] = Reply("", ended=False, problem=reason.message)
                told()
        return [problems.get(place) or one.reply() for place, one in enumerate(written)]

    def nats(self, documents: Sequence[Document], told: Told) -> list[float]:
        """The summed negative log-likelihood of each document's scored tokens, in order. Raises
        ContextLengthError for one that is longer than the context, EngineError."""
        totals = [0.0] * len(documents)
        places = [1] * len(documents)
        for number, (ids, _) in enumerate(documents):
            sampling = Sampling(max_tokens=0, temperature=0.0)
            reading = Reading(logprobs=0)
            self._submit(GenerationRequest(str(number), tuple(ids), sampling, reading=reading))
        while not self._engine.idle:
            for output in self._step():
                number = int(output.id)
                for entry in output.prompt_logprobs:
                    if documents[number][1][places[number]]:
                        totals[number] -= entry.chosen.logprob
                    places[number] += 1
                if output.finish is not None:
                    told()
        return totals

    def _request(self, name: str, asked: Asked) -> tuple[GenerationRequest, CallReader | None]:
        prompt = encode_chat(self.tokenizer, asked.messages, asked.tools)
        room = max(1, min(asked.max_tokens, self.facts.context - len(prompt)))
        form, reader = FREE, None
        if asked.tools:
            chat = ChatRequest(self.facts.name, asked.messages, tools=asked.tools)
            form = answer_form(chat, self.tokenizer)
        if form.calls is not None:
            reader = CallReader(0, form.calls, must_call=form.must_call)
        request = GenerationRequest(
            name,
            tuple(prompt),
            _sampling(self.facts.settings, room, asked.seed),
            grammar=form.grammar,
            shown=form.shown,
        )
        return self._tuned(request), reader

    def _submit(self, request: GenerationRequest) -> None:
        self._engine.submit(self._tuned(request))

    def _tuned(self, request: GenerationRequest) -> GenerationRequest:
        if self._adapter is None:
            return request
        return replace(request, adapter=self._adapter, ends=self.tokenizer.eos_ids)

    def _step(self) -> list[Any]:
        outputs = self._engine.step()
        for output in outputs:
            if output.finish == "error":
                reason = (output.error or "it says not why").rstrip(".")
                raise EngineError(
                    f"The model failed: {reason}.", hint="Check the model with `mini-claude chat`."
                )
        return outputs


def _sampling(recommended: Mapping[str, float], most: int, seed: int | None) -> Sampling:
    """Greedy without a seed; the penalties that the makers recommend hold either way."""
    given: dict[str, Any] = dict(recommended)
    if seed is None:
        given["temperature"] = 0.0
    return Sampling(max_tokens=most, seed=seed or 0, **given)


def _adapter_of(model: InstalledModel) -> tuple[AdapterRef | None, Path | None]:
    """An adapter as served beside others, or the folder of one that must be merged (DoRA)."""
    if model.adapter is None or model.tuned is None:
        return None, None
    if read_adapter_config(model.adapter).lora.dora:
        return None, model.adapter
    version = sha256(repr(sorted(model.tuned.sha256.items())).encode()).hexdigest()[:16]
    return AdapterRef(str(model.adapter), version), None
