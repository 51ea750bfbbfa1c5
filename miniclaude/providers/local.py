"""Models on this machine, each whole one in an engine process of its own. No torch here."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, cast

from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.process import EngineSpec
from miniclaude.engine.request import (
    ChosenToken,
    GenerationRequest,
    Output,
    Reading,
    Sampling,
    TokenInfo,
)
from miniclaude.errors import (
    ContextLengthError,
    EngineError,
    InvalidRequestError,
    MiniClaudeError,
    SettingsError,
)
from miniclaude.messages import (
    ChosenLogprob,
    CompletionEvent,
    Finished,
    PromptEcho,
    PromptRead,
    StreamEvent,
    TextDelta,
    TokenLogprob,
    Usage,
)
from miniclaude.model.library import InstalledModel, Library
from miniclaude.model.parameter_count import count_parameters
from miniclaude.providers.abilities import EmbeddingRequest, Embeddings, check_dimensions
from miniclaude.providers.base import ChatRequest, CompletionRequest, ModelCost, ModelInfo, Settings
from miniclaude.providers.drafts import find_draft
from miniclaude.providers.grammars import FREE, AnswerForm, answer_form_beside, blamed
from miniclaude.providers.loaded import LoadedModel, LoadedModels
from miniclaude.providers.local_prompt import chat_prompt, check_size, least_prompt
from miniclaude.providers.local_reading import embed_texts, read_input
from miniclaude.providers.tool_answers import CallReader
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.tokenizer.tool_format import PLAIN

MAX_TOKENS = 1024
"""Length of an answer when nobody says how long it may be, and the context has room for it."""

SAMPLING_FIELDS = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "logprobs",
)


def create(options: Mapping[str, object]) -> Local:
    """Entry point. options: `library` (required), `device`, `dtype`, `threads`, `max_loaded`,
    `limits`, `draft`, `drafted`; see `Local`. Raises SettingsError."""
    library = options.get("library")
    if not isinstance(library, Library):
        raise SettingsError(
            "providers.local: no library of models was given.",
            hint="`local` is always there; leave it out of config.toml.",
            param="providers.local",
        )
    limits = options.get("limits")
    threads = options.get("threads")
    max_loaded = options.get("max_loaded")
    return Local(
        library,
        device=str(options.get("device") or "auto"),
        dtype=str(options.get("dtype") or "auto"),
        threads=threads if isinstance(threads, int) else None,
        max_loaded=max_loaded if isinstance(max_loaded, int) else 2,
        limits=limits if isinstance(limits, EngineLimits) else EngineLimits(),
        draft=str(options.get("draft") or ""),
        drafted=str(options.get("drafted") or ""),
    )


class Local:
    """The models of a library. device, dtype: as an `EngineSpec` has them. threads: for each
    engine; None is its own choice. max_loaded: models in memory at once. draft: the model that
    guesses for the one called `drafted` and for adapters on it; "" is none. Raises SettingsError
    for a draft that is not there or is no model by itself."""

    def __init__(
        self,
        library: Library,
        *,
        device: str = "auto",
        dtype: str = "auto",
        threads: int | None = None,
        max_loaded: int = 2,
        limits: EngineLimits | None = None,
        draft: str = "",
        drafted: str = "",
    ) -> None:
        self.name = "local"
        self._library = library
        guesser = find_draft(library, draft, drafted) if draft else None

        def make_spec(model: InstalledModel) -> EngineSpec:
            place = (device, dtype, threads, limits or EngineLimits())
            base = model if model.adapter is None or model.base is None else model.base
            own = guesser if base.name == drafted else None
            return EngineSpec(model.weights, *place, adapter=model.adapter, draft=own)

        self._models = LoadedModels(library, make_spec, max_loaded)

    async def models(self) -> list[ModelInfo]:
        """What the library holds."""
        return await asyncio.to_thread(lambda: [_info(model) for model in self._library.list()])

    def check(self, model: str) -> None:
        """Raises ModelNotFoundError for a model, or the base of an adapter, that is not there."""
        _ = self._library.find(model).weights

    def in_memory(self) -> list[str]:
        """The models whose weights are in memory now."""
        return [loaded.model.name for loaded in self._models.list()]

    def guessed(self) -> Mapping[str, Mapping[str, int]]:
        """By model: how many tokens were guessed, by whom, and how many were what came."""
        return self._models.guessed

    def version(self, model: str) -> str | None:
        """By what its folder, and its base's, holds; None while an older one is in memory."""
        return self._models.version(self._library.find(model))

    def loaded(self) -> list[LoadedModel]:
        """What is in memory now."""
        return self._models.list()

    async def warm(self, model: str) -> None:
        """Load a model before it is asked for. Raises what loading raises."""
        async with self._models.use(model):
            pass

    async def chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Continue a conversation, in the format of the model's own chat template."""
        async with self._models.use(request.model) as loaded:
            least = partial(least_prompt, loaded, request)
            _check_queue(loaded, least, request.settings, request.user)
            form = FREE
            if request.structure is not None or request.tools:  # building a grammar takes a while
                form = await answer_form_beside(request, loaded.tokenizer)
            prompt = await chat_prompt(loaded, request)
            events = _answer(
                loaded,
                prompt,
                request.settings,
                request.user,
                continues=request.continues,
                form=form,
            )
            with blamed(form):
                async with aclosing(events):
                    async for event in events:
                        yield event

    async def count_tokens(self, request: ChatRequest) -> int:
        """Tokens of the conversation as the model would read it."""
        async with self._models.use(request.model) as loaded:
            return len(await chat_prompt(loaded, request))

    async def knows_tools(self, model: str) -> bool:
        """Whether the model's own chat template has a place for them."""
        async with self._models.use(model) as loaded:
            return loaded.tokenizer.template is not None and (
                await asyncio.to_thread(lambda: loaded.tokenizer.tool_format is not PLAIN)
            )

    def continues(self, model: str) -> bool:
        """What was said is put behind the place where the assistant begins to speak."""
        return True

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[StreamEvent, None]:
        """Continue a raw prompt."""
        async with self._models.use(request.model) as loaded:
            least = partial(_least, loaded, request.prompt)
            _check_queue(loaded, least, request.settings, request.user)
            prompt: Sequence[int]
            if isinstance(request.prompt, str):
                check_size(loaded, len(request.prompt), "prompt")
                encode = loaded.tokenizer.encode_prompt
                prompt = await asyncio.to_thread(encode, request.prompt)
            else:
                prompt = request.prompt
            if not prompt:
                raise InvalidRequestError(
                    "prompt: it is empty, and this model has no token to begin a text with.",
                    hint="Send at least one character.",
                    param="prompt",
                )
            events = _answer(loaded, prompt, request.settings, request.user, continues=True)
            async with aclosing(events):
                async for event in events:
                    yield event

    async def complete_with_prompt(
        self, request: CompletionRequest
    ) -> AsyncGenerator[CompletionEvent, None]:
        """Say a raw prompt back with its log probabilities, then continue it."""
        settings = request.settings
        async with self._models.use(request.model) as loaded:
            await loaded.engine.connected()
            least = partial(_least, loaded, request.prompt)
            _check_queue(loaded, least, settings, request.user)
            prompt = await read_input(loaded, request.prompt, "prompt")
            given = request.prompt
            text = given if isinstance(given, str) else loaded.tokenizer.decode(prompt)
            first = loaded.tokenizer.token_text(prompt[0])
            read: list[ChosenLogprob] = []
            events = _answer(loaded, prompt, settings, request.user, continues=True, read=read)
            said = False
            async with aclosing(events):
                async for event in events:
                    if not said:
                        said = True
                        for index in range(settings.n):
                            yield PromptEcho(index, text, first, tuple(read))
                    yield event

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """The mean of the last hidden states of each text."""
        async with self._models.use(request.model) as loaded:
            await loaded.engine.connected()
            check_dimensions(request.dimensions, loaded.info.width)
            if request.inputs:
                least = partial(_least, loaded, request.inputs[0])
                _check_queue(loaded, least, Settings(max_tokens=0), request.user)
            return await embed_texts(loaded, request.inputs, request.user)

    async def aclose(self) -> None:
        """End every engine."""
        await self._models.aclose()


def _info(model: InstalledModel) -> ModelInfo:
    return ModelInfo(
        model.name,
        model.created,
        model.owner,
        model.context,
        root=model.root,
        parent="" if model.tuned is None else model.tuned.base,
        cost=ModelCost(model.bytes, count_parameters(model.path), model.adapter is not None),
        continues=True,
    )


def _least(loaded: LoadedModel, prompt: str | Sequence[int]) -> int:
    """Tokens that a raw prompt has at least."""
    return loaded.tokenizer.least_tokens(prompt) if isinstance(prompt, str) else len(prompt)


def _check_queue(
    loaded: LoadedModel, least: Callable[[], int], settings: Settings, user: str
) -> None:
    """Refuse what the engine would refuse, before it costs a rendering and a tokenising. least:
    says how many tokens the prompt has at least. What could never be answered is left to those who
    say why. Raises OverloadedError."""
    queued = loaded.engine.queue_of(user)
    if queued is None:
        return
    prompt, room = least(), min(loaded.info.context, loaded.cache_for(settings.n))
    longest = MAX_TOKENS if settings.max_tokens is None else settings.max_tokens
    if settings.max_tokens is None or settings.as_far_as_fits:  # then it is cut to what fits
        longest = max(0, min(longest, room - prompt))
    if prompt + longest <= room and settings.n <= loaded.engine.spec.limits.max_running:
        queued.check(user, settings.n * (prompt + longest))


async def _answer(
    loaded: LoadedModel,
    prompt: Sequence[int],
    settings: Settings,
    user: str,
    *,
    continues: bool,
    form: AnswerForm = FREE,
    read: list[ChosenLogprob] | None = None,
) -> AsyncGenerator[StreamEvent, None]:
    """The engine's outputs as events. continues: the answer goes on in the prompt's text. form: how
    the answer is bound, and what is read in it. read: where the prompt's own log probabilities go,
    all before the first event."""
    field = "prompt" if continues else "messages"
    await loaded.engine.connected()  # it says how large its cache is
    sampling = _sampling(settings, loaded, len(prompt), field)
    reading = None if read is None else Reading(logprobs=settings.logprobs)
    request = GenerationRequest(
        secrets.token_hex(8),
        tuple(prompt),
        sampling,
        continues,
        reading=reading,
        grammar=form.grammar,
        shown=form.shown,
        calls=form.call_mark,
        user=user,
    )
    calls: dict[int, CallReader] = {}
    if form.calls is not None:
        calls = {n: CallReader(n, form.calls, must_call=form.must_call) for n in range(sampling.n)}
    written: dict[int, int] = {}
    cached = 0
    begun = continues  # only a conversation's answers begin with the cost of their prompt
    outputs = cast("AsyncGenerator[Output, None]", loaded.submit(request))
    try:
        async with aclosing(outputs):
            async for output in outputs:
                written[output.index] = output.completion_tokens
                cached = output.cached_tokens
                if not begun and (output.text or output.finish in (None, "stop", "length")):
                    begun = True
                    yield PromptRead(len(prompt), cached)
                if read is not None:
                    read += (_chosen(loaded.tokenizer, entry) for entry in output.prompt_logprobs)
                reader = calls.get(output.index)
                if output.text or output.logprobs:
                    logprobs = tuple(_chosen(loaded.tokenizer, entry) for entry in output.logprobs)
                    if reader is None:
                        yield TextDelta(output.index, output.text, logprobs)
                    else:
                        for event in reader.push(output.text, logprobs):
                            yield event
                if output.finish in ("stop", "length"):
                    if reader is None:
                        yield Finished(output.index, output.finish, output.stop_text)
                    else:
                        for event in reader.finish(output.finish, output.stop_text):
                            yield event
                elif output.finish is not None:
                    reason = (output.error or output.finish).rstrip(".")
                    raise EngineError(f"The answer ended early: {reason}.", hint="Ask again.")
    except MiniClaudeError:  # the engine's, or a grammar's that can go no further
        for reader in calls.values():
            for event in reader.rest():
                yield event
        raise
    yield Usage(len(prompt), sum(written.values()), cached)


def _sampling(settings: Settings, loaded: LoadedModel, prompt_tokens: int, field: str) -> Sampling:
    """The engine's settings: the request's, then the model's recommended ones, then the API's
    defaults. An answer whose length the request leaves open, or only bounds, has what the engine's
    cache leaves too; several share it. field: where the prompt came from. Raises ContextLengthError
    when prompt and answer do not fit."""
    holds, where, too_many = loaded.info.context, "the model's context holds", False
    is_open = settings.max_tokens is None or settings.as_far_as_fits
    is_open = is_open and prompt_tokens < holds  # else no cache is large enough
    if is_open and (share := loaded.cache_for(settings.n)) < holds:
        holds, where = share, "the engine's cache (kv_tokens) holds"
        if settings.n > 1:
            where += f", for each of {settings.n} answers,"
            too_many = prompt_tokens < loaded.cache_for(1)
    room = holds - prompt_tokens
    max_tokens = settings.longest(room, MAX_TOKENS)
    if max_tokens > room or (room < 1 and settings.max_tokens != 0):
        hint = "Shorten the conversation, or ask for fewer tokens."
        raise ContextLengthError(
            f"The prompt has {prompt_tokens} tokens and the answer may have {max(max_tokens, 1)};"
            f" {where} {holds}.",
            hint="Ask for fewer answers, or raise kv_tokens." if too_many else hint,
            param="max_tokens" if room > 0 else "n" if too_many else field,
        )
    asked = {name: getattr(settings, name) for name in SAMPLING_FIELDS}
    given: dict[str, Any] = {
        **loaded.sampling,
        **{name: value for name, value in asked.items() if value is not None},
    }
    return Sampling(
        max_tokens=max_tokens,
        logit_bias=settings.logit_bias,
        stop=settings.stop,
        n=settings.n,
        **given,
    )


def _chosen(tokenizer: Tokenizer, entry: ChosenToken) -> ChosenLogprob:
    def named(token: TokenInfo) -> TokenLogprob:
        return TokenLogprob(tokenizer.token_text(token.id), token.token_bytes, token.logprob)

    return ChosenLogprob(named(entry.chosen), tuple(named(token) for token in entry.top))
