"""Which local models are in memory: loaded on first use, at most so many, the idle ones given up
first. A low-rank adapter has no engine: its base's answers for it, beside others."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256

from miniclaude.engine.process import EngineInfo, EngineProcess, EngineSpec
from miniclaude.engine.request import AdapterRef, GenerationRequest, Output
from miniclaude.errors import OverloadedError
from miniclaude.model.adapter_config import read_adapter_config
from miniclaude.model.generation_config import GENERATION_CONFIG, read_sampling_defaults
from miniclaude.model.library import InstalledModel, Library
from miniclaude.tokenizer.files import read_templates
from miniclaude.tokenizer.load import Tokenizer, load_tokenizer

MakeSpec = Callable[[InstalledModel], EngineSpec]

MAX_TUNED = 16
"""Tuned models whose tokenizer and settings are remembered."""


@dataclass(slots=True, eq=False)
class LoadedModel:
    """A model in memory. first_info: what its engine told when it was first ready. sampling: what
    the model's makers recommend where a request says nothing. users: answers being written with
    it. last_use: greater is later. adapter: the one that answers, on an engine that others share;
    None for a model by itself."""

    model: InstalledModel
    tokenizer: Tokenizer
    engine: EngineProcess
    first_info: EngineInfo
    sampling: Mapping[str, float]
    users: int = 0
    last_use: int = 0
    adapter: AdapterRef | None = None

    @property
    def info(self) -> EngineInfo:
        """What its present worker told. One that was started again may have found less memory
        free, and so have a smaller cache; while none is ready, the first's word stands."""
        connection = self.engine.connection
        return self.first_info if connection is None else connection.info

    def cache_for(self, answers: int) -> int:
        """Tokens that the engine's cache holds for each of so many answers of one request. Several
        have whole blocks each."""
        if answers == 1:
            return self.info.kv_tokens
        block = self.engine.spec.limits.block_tokens
        return -(-self.info.kv_tokens // block) // answers * block

    def submit(self, request: GenerationRequest) -> AsyncIterator[Output]:
        """The engine's outputs for a request to this very model; see `EngineProcess.submit`."""
        if self.adapter is not None:
            ends = self.tokenizer.eos_ids
            request = replace(request, adapter=self.adapter, ends=ends)
        return self.engine.submit(request)


@dataclass(frozen=True, slots=True)
class Manners:
    """How a tuned model is spoken to. tokenizer: None is its base's. adapter: None when it needs an
    engine of its own."""

    model: InstalledModel
    adapter: AdapterRef | None
    tokenizer: Tokenizer | None
    sampling: Mapping[str, float]


@dataclass(slots=True, eq=False)
class Load:
    """A model on its way into memory. waiters: callers who wait for it; what comes of it, a failure
    too, is all of theirs. begun: it is its turn."""

    model: InstalledModel
    task: asyncio.Task[LoadedModel] = field(init=False)
    waiters: int = 0
    begun: bool = False


class LoadedModels:
    """The engines of one server. One model is loaded at a time, and none is given up while an
    answer is being written with it."""

    def __init__(self, library: Library, make_spec: MakeSpec, max_loaded: int) -> None:
        self._library = library
        self._make_spec = make_spec
        self._max_loaded = max_loaded
        self._loaded: dict[str, LoadedModel] = {}
        self._tuned: dict[str, Manners] = {}
        self.guessed: dict[str, Counter[str]] = {}  # by model; it outlives the model's engine
        self._loading = asyncio.Lock()
        self._loads: dict[str, Load] = {}  # by model: the one that new callers wait for
        self._tasks: set[asyncio.Task[LoadedModel]] = set()
        self._uses = itertools.count(1)
        self._closed = False

    def list(self) -> list[LoadedModel]:
        """What is in memory now."""
        return list(self._loaded.values())

    def version(self, installed: InstalledModel) -> str | None:
        """A text that is another one for other weights; None while an engine for others by that
        name, or its base's, is in memory, which may yet answer. Raises ModelNotFoundError."""
        models = [installed]
        if installed.adapter is not None and installed.base is not None:
            models.append(self._library.find(installed.base.name))
        for model in models:
            loaded = self._loaded.get(model.name)
            if loaded is not None and loaded.model != model:
                return None
        return sha256(repr(models).encode()).hexdigest()

    @asynccontextmanager
    async def use(self, name: str) -> AsyncIterator[LoadedModel]:
        """The model called `name`, kept in memory until the block ends.

        Raises ModelNotFoundError for it or for the base that it needs, OverloadedError when every
        engine is busy with other models, and what loading raises: CheckpointError, TokenizerError,
        EngineError, SettingsError.
        """
        installed = self._library.find(name)
        manners = await self._manners_of(installed)
        if manners is None or manners.adapter is None or installed.base is None:
            async with self._use(installed) as loaded:
                yield loaded
            return
        async with self._use(self._library.find(installed.base.name)) as base:
            tokenizer = manners.tokenizer or base.tokenizer
            yield LoadedModel(
                installed,
                tokenizer,
                base.engine,
                base.first_info,
                manners.sampling,
                adapter=manners.adapter,
            )

    async def _manners_of(self, installed: InstalledModel) -> Manners | None:
        """Those of an adapter, remembered until its files change; None for a whole model. Raises
        CheckpointError, TokenizerError."""
        if installed.adapter is None:
            return None
        manners = self._tuned.pop(installed.name, None)
        if manners is None or manners.model != installed:
            manners = await asyncio.to_thread(_read_tuned_manners, installed)
        self._tuned[installed.name] = manners
        if len(self._tuned) > MAX_TUNED:
            del self._tuned[next(iter(self._tuned))]
        return manners

    @asynccontextmanager
    async def _use(self, installed: InstalledModel) -> AsyncIterator[LoadedModel]:
        name = installed.name
        while not self._is_current(loaded := self._loaded.get(name), installed):
            await self._wait_for_load(installed)
        assert loaded is not None  # noqa: S101  # else it would not be current
        loaded.users += 1
        loaded.last_use = next(self._uses)
        try:
            yield loaded
        finally:
            loaded.users -= 1
            loaded.last_use = next(self._uses)

    async def aclose(self) -> None:
        """End every engine, and loading too. Safe to call twice."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        engines = [loaded.engine for loaded in self._loaded.values()]
        self._loaded.clear()
        await asyncio.gather(*(engine.close() for engine in engines))

    @staticmethod
    def _is_current(loaded: LoadedModel | None, installed: InstalledModel) -> bool:
        """Whether it can answer, with what the folder holds; a model whose folder has changed goes
        on until nobody uses it."""
        if loaded is None or loaded.engine.failed:
            return False
        return loaded.model == installed or loaded.users > 0

    async def _wait_for_load(self, installed: InstalledModel) -> None:
        """Until the model is loaded, by one load for all who ask meanwhile. Raises what it raises.
        Nothing is loaded for callers who left before its turn came."""
        load = self._loads.get(installed.name)
        # One that is done is about to be taken away; to wait for it would not yield.
        if load is None or load.task.done() or load.model != installed:
            load = self._spawn_load(installed)
        load.waiters += 1
        try:
            # A caller that gives up while waiting must not undo the loading for the others.
            await asyncio.shield(load.task)
        finally:
            load.waiters -= 1
            if not load.waiters and not load.begun:
                self._end_load(load)
                load.task.cancel()

    def _spawn_load(self, installed: InstalledModel) -> Load:
        load = self._loads[installed.name] = Load(installed)
        load.task = asyncio.create_task(self._load(load))
        self._tasks.add(load.task)
        load.task.add_done_callback(lambda _: self._end_load(load))
        return load

    def _end_load(self, load: Load) -> None:
        """Whoever asks from now on does not wait for this one."""
        if self._loads.get(load.model.name) is load:
            del self._loads[load.model.name]
        if load.task.done():
            self._tasks.discard(load.task)
            if not load.task.cancelled():
                load.task.exception()  # asked for, or asyncio prints it where nobody waited for it

    async def _load(self, load: Load) -> LoadedModel:
        installed = load.model
        async with self._loading:
            load.begun = True
            loaded = self._loaded.get(installed.name)
            if loaded is not None and self._is_current(loaded, installed):
                return loaded
            if self._closed:
                raise OverloadedError("The server is shutting down.", hint="Try again in a moment.")
            tokenizer, sampling = await asyncio.to_thread(_read_manners, installed)
            await self._make_room(installed.name)
            guessed = self.guessed.setdefault(installed.name, Counter())
            engine = EngineProcess(self._make_spec(installed), guessed)
            try:
                info = await engine.start()
            except BaseException:
                await engine.close()
                raise
            loaded = LoadedModel(installed, tokenizer, engine, info, sampling)
            loaded.last_use = next(self._uses)
            self._loaded[installed.name] = loaded
            return loaded

    async def _make_room(self, name: str) -> None:
        """Give up this model's older engine, or the one unused for longest when there are too many.

        Raises OverloadedError when all are in use.
        """
        leaving = [self._loaded[name]] if name in self._loaded else []
        others = [loaded for other, loaded in self._loaded.items() if other != name]
        if len(others) >= self._max_loaded:
            idle = sorted((m for m in others if not m.users), key=lambda m: m.last_use)
            if not idle:
                busy = ", ".join(sorted(loaded.model.name for loaded in others))
                raise OverloadedError(
                    f"model: {name!r} cannot be loaded while {busy} "
                    f"{'is' if len(others) == 1 else 'are'} answering.",
                    hint="Try again when they have finished, or raise max_loaded_models.",
                    retry_after=10,
                )
            leaving.append(idle[0])
        for loaded in leaving:
            del self._loaded[loaded.model.name]
        for loaded in leaving:
            await loaded.engine.close()


def _read_manners(installed: InstalledModel) -> tuple[Tokenizer, Mapping[str, float]]:
    """The tokenizer with its chat template, and the sampling that is recommended: an adapter's own
    where it has them, else its base's."""
    tokenizer = load_tokenizer(installed.weights, templates=installed.adapter)
    own = (installed.path / GENERATION_CONFIG).is_file()
    return tokenizer, read_sampling_defaults(installed.path if own else installed.weights)


def _read_tuned_manners(installed: InstalledModel) -> Manners:
    """What a request for an adapter needs to know before its base's engine is asked."""
    assert installed.adapter is not None  # noqa: S101  # for the type checker
    assert installed.tuned is not None  # noqa: S101
    weights = installed.weights  # raises when there is no base to answer with
    if read_adapter_config(installed.adapter).lora.dora:
        return Manners(installed, None, None, {})  # DoRA's lengths must be merged into the weights
    # One that was trained here has a copy of its base's template: no second vocabulary for that.
    templates = read_templates(installed.adapter)
    shared = not templates or templates == read_templates(weights)
    tokenizer = None if shared else load_tokenizer(weights, templates=installed.adapter)
    own = (installed.path / GENERATION_CONFIG).is_file()
    sampling = read_sampling_defaults(installed.path if own else weights)
    version = sha256(repr(sorted(installed.tuned.sha256.items())).encode()).hexdigest()[:16]
    return Manners(installed, AdapterRef(str(installed.adapter), version), tokenizer, sampling)
