"""What the routes work with, opened together and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

from starlette.requests import HTTPConnection

from miniclaude.chat.turn import Turns
from miniclaude.errors import NotFoundError
from miniclaude.jobs.fine_tuning import FineTuning, Workshop
from miniclaude.model.library import Library, bundled_models
from miniclaude.providers.registry import Registry, create_providers
from miniclaude.server.admitted import Admitted
from miniclaude.server.answer_cache import AnswerCache, CacheControl, CachedAnswers
from miniclaude.server.disconnect import Stopping
from miniclaude.server.limits import ARRIVAL, Admission, Arrival
from miniclaude.server.metrics import Metrics
from miniclaude.server.quotas import OWNER, Caller, caller_of
from miniclaude.server.warmup import Warmup
from miniclaude.server.workbench import Workbench
from miniclaude.settings import ServerSettings
from miniclaude.store.choices import Choices, read_choices
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.messages import Messages
from miniclaude.store.pictures import Pictures
from miniclaude.store.presets import Presets
from miniclaude.store.ratings import Ratings


@dataclass(frozen=True, slots=True)
class Services:
    """stopping: set when the server begins to stop; whoever is streaming then ends.
    find_default: the default model when there was none at the start; models may be pulled later.
    fine_tuning, workbench: None where there is no home folder to do it in. answers: those that are
    kept."""

    registry: Registry
    admission: Admission
    conversations: Conversations
    messages: Messages
    pictures: Pictures
    presets: Presets
    ratings: Ratings
    database: Database
    turns: Turns
    warmup: Warmup
    find_default: Callable[[], str] = str
    fine_tuning: FineTuning | None = None
    answers: AnswerCache = field(default_factory=lambda: AnswerCache(0))
    stopping: Stopping = field(default_factory=Stopping)
    workbench: Workbench | None = None

    @property
    def default_model(self) -> str:
        """Who answers when no model is named; empty while there is none."""
        if not self.registry.default_model:
            self.registry.default_model = self.find_default()
        return self.registry.default_model

    @property
    def metrics(self) -> Metrics:
        """What the server counts of itself."""
        return self.admission.metrics

    def resolve(
        self,
        model: str,
        caller: Caller | None = None,
        control: CacheControl | None = None,
        arrival: Arrival | None = None,
    ) -> tuple[Admitted, str]:
        """The provider for a model, its answers counted and charged to `caller`, and the model's
        bare name. control: how answers may be kept; None: not at all. arrival: the room kept for
        the request. Raises ModelNotFoundError."""
        provider, bare = self.registry.resolve(model)
        caller = caller or Caller()
        cached = None if control is None else CachedAnswers(self.answers, control, caller.name)
        charged = (caller.quota, caller.name)
        seeing = self.registry.seeing
        return Admitted(provider, self.admission, model, *charged, cached, arrival, seeing), bare

    async def stop(self) -> None:
        """End what is streaming, and end turns as interrupted with their part saved."""
        self.stopping.set()
        await self.warmup.aclose()
        await self.turns.aclose()
        if self.fine_tuning is not None:
            await self.fine_tuning.aclose()
        if self.workbench is not None:
            await self.workbench.aclose()


def counted(registry: Registry, admission: Admission) -> Callable[[str], tuple[Admitted, str]]:
    """The registry's `resolve`, giving providers whose answers `admission` counts. They are the
    owner's, who alone has conversations."""

    def resolve(model: str) -> tuple[Admitted, str]:
        provider, bare = registry.resolve(model)
        name = model or registry.default_model
        return Admitted(provider, admission, name, caller=OWNER, seeing=registry.seeing), bare

    return resolve


def resolve(connection: HTTPConnection, model: str) -> tuple[Admitted, str]:
    """The provider for a model, charged to the caller of this request or socket, and the model's
    bare name. Over HTTP, where a header can say so, answers may come from the cache. Raises
    ModelNotFoundError."""
    control = None
    if connection.scope["type"] == "http":
        control = CacheControl.of(",".join(connection.headers.getlist("cache-control")))
    arrival = connection.scope.get(ARRIVAL)
    return services_of(connection).resolve(model, caller_of(connection.scope), control, arrival)


def services_of(connection: HTTPConnection) -> Services:
    """The services of the app that serves this request or socket."""
    return cast("Services", connection.app.state.services)


def fine_tuning_of(connection: HTTPConnection) -> FineTuning:
    """The app's fine-tuning. Raises NotFoundError where it has none."""
    fine_tuning = services_of(connection).fine_tuning
    if fine_tuning is None:
        raise NotFoundError(
            "This server does not fine-tune.", hint="Use one started by `mini-claude serve`."
        )
    return fine_tuning


def workbench_of(connection: HTTPConnection) -> Workbench:
    """The app's workbench. Raises NotFoundError where it has none."""
    workbench = services_of(connection).workbench
    if workbench is None:
        raise NotFoundError(
            "This server does not look after models.",
            hint="Use one started by `mini-claude serve`.",
        )
    return workbench


@asynccontextmanager
async def open_services(settings: ServerSettings) -> AsyncIterator[Services]:
    """Open what `settings` ask for. The caller holds the home's lock.

    Raises StoreError and SettingsError.
    """
    library = Library(settings.models_folder, bundled_models(), settings.adapters_folder)
    callers = 1 + len(settings.keys)
    registry = make_registry(settings, library, callers)
    try:
        async with opened(
            settings.database_url,
            registry,
            settings.max_answers,
            lambda: default_model(library),
            workshop_of(settings, library),
            settings.answer_cache_bytes,
            await Workbench.open(settings, library),
            callers=callers,
        ) as services:
            services.warmup.begin()
            yield services
    finally:
        await registry.aclose()


@asynccontextmanager
async def opened(
    database_url: str,
    registry: Registry,
    max_answers: int,
    find_default: Callable[[], str] = str,
    workshop: Workshop | None = None,
    answer_cache_bytes: int = 0,
    workbench: Workbench | None = None,
    *,
    callers: int = 1,
) -> AsyncIterator[Services]:
    """Services over the database at `database_url`; turns that a killed process left unfinished
    are marked interrupted first, and fine-tuning jobs go on. callers: as in `Admission`. Raises
    StoreError."""
    database = await Database.open(database_url)
    try:
        admission = Admission(max_answers, callers=callers)
        turns = Turns(database, counted(registry, admission), seeing=registry.seeing)
        await turns.recover()
        services = Services(
            registry,
            admission,
            Conversations(database),
            Messages(database),
            Pictures(database),
            Presets(database),
            Ratings(database),
            database,
            turns,
            Warmup(registry),
            find_default,
            None if workshop is None else await FineTuning.open(database, workshop),
            AnswerCache(answer_cache_bytes),
            workbench=workbench,
        )
        try:
            yield services
        finally:
            await services.stop()
    finally:
        await database.close()


def workshop_of(settings: ServerSettings, library: Library) -> Workshop:
    """Where this server fine-tunes."""
    return Workshop(
        home=settings.home,
        library=library,
        files=settings.files_folder,
        datasets=settings.datasets_folder,
        adapters=settings.adapters_folder,
        runs=settings.jobs_folder,
        at_once=settings.max_running_jobs,
        max_file_bytes=settings.max_file_bytes,
    )


def make_registry(settings: ServerSettings, library: Library, callers: int = 1) -> Registry:
    """The local models, and the providers that are configured or were chosen on the page. `echo`
    only when it is asked for: it is no model. callers: as in `EngineLimits`.

    Raises SettingsError for a provider that nothing offers, StoreError for choices that cannot be
    read.
    """
    choices = read_choices(settings.home)
    configured: dict[str, dict[str, object]] = {
        name: choice.options() for name, choice in choices.providers.items()
    }
    configured |= {name: provider.options() for name, provider in settings.providers.items()}
    if settings.model == "echo":
        configured.setdefault("echo", {})
    default = settings.model or chosen_model(library, choices) or default_model(library)
    configured["local"] = {
        "library": library,
        "device": settings.device,
        "dtype": settings.dtype,
        "threads": settings.threads,
        "max_loaded": settings.max_loaded_models,
        "limits": replace(settings.engine.limits(), callers=callers),
        "draft": settings.draft,
        "drafted": default,
    }
    return Registry(create_providers(configured), default)


def chosen_model(library: Library, choices: Choices) -> str:
    """The default that was chosen on the page; empty where none was, or where it is gone."""
    model = choices.model
    there = model.partition("/")[0] in choices.providers or any(
        installed.name == model for installed in library.list()
    )
    return model if model and there else ""


def default_model(library: Library) -> str:
    """The bundled model, or else the first one there is that was not tuned."""
    untuned = [model for model in library.list() if model.tuned is None]
    models = sorted(untuned, key=lambda model: (not model.bundled, model.name))
    return models[0].name if models else ""
