"""The ASGI application: routes, and the guards that every request passes first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache

from fastapi import FastAPI

from miniclaude import __version__
from miniclaude.chat.attachments import MAX_BYTES as MAX_ATTACHMENT
from miniclaude.server.auth import Access, AllowedOrigins
from miniclaude.server.body import BodyLimit, OneLength
from miniclaude.server.error_handlers import UnexpectedErrors, add_error_handlers
from miniclaude.server.head import HeadAsGet
from miniclaude.server.headers import SecurityHeaders
from miniclaude.server.home_lock import home_lock
from miniclaude.server.metrics import RequestMetrics
from miniclaude.server.openapi import openapi_document
from miniclaude.server.quotas import Caller, Quota
from miniclaude.server.rate_limits import RateLimits
from miniclaude.server.request_ids import RequestIds
from miniclaude.server.routes import (
    attachments,
    chat,
    completions,
    conversations,
    datasets,
    embeddings,
    feedback,
    files,
    fine_tuning,
    health,
    library,
    messages,
    metrics,
    models,
    openapi,
    page,
    presets,
    providers,
    responses,
    stream,
    transfer,
)
from miniclaude.server.services import Services, open_services
from miniclaude.settings import ServerSettings

FORM_BYTES = 65_536
"""What an upload's form may have beside the file itself."""

API_ROUTERS = (
    chat.router,
    completions.router,
    responses.router,
    messages.router,
    embeddings.router,
    stream.router,
    models.router,
    library.router,
    providers.router,
    # Before what takes any id: `/conversations/export` is no conversation.
    transfer.router,
    conversations.router,
    presets.router,
    attachments.router,
    feedback.router,
    files.router,
    fine_tuning.router,
    datasets.router,
    health.router,
    metrics.router,
    openapi.router,
)


def create_app(
    settings: ServerSettings, services: AbstractAsyncContextManager[Services] | None = None
) -> FastAPI:
    """The application.

    services: what it works with, opened when it starts and closed when it stops; by default what
    `settings` ask for, with the home's lock held (HomeLockedError when another server has it).
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with services or _locked_services(settings) as opened:
            app.state.services = opened
            yield

    app = FastAPI(
        title="Mini-Claude",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,
        # FastAPI looks for OpenTelemetry's providers at every request; nothing here sets one.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.settings = settings
    # Made when it is first asked for: it takes longer than the start of everything else here. Its
    # examples name the default model, which the page can change.
    app.state.openapi_document = lru_cache(maxsize=1)(
        lambda model: openapi_document(
            API_ROUTERS, needs_key=settings.api_key is not None, model=model
        )
    )
    for router in API_ROUTERS:
        app.include_router(router)
        app.include_router(router, prefix="/v1")
    static = page.StaticPage.read(
        page.STATIC, {"theme": settings.theme, "language": settings.language}
    )
    app.state.page = static
    app.include_router(page.page_router(static))
    add_error_handlers(app)
    # The last one added is the first to see a request.
    app.add_middleware(HeadAsGet)
    uploads = max(settings.max_body_bytes, settings.max_file_bytes + FORM_BYTES)
    imports = max(settings.max_body_bytes, transfer.MAX_IMPORT_BYTES)
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_body_bytes,
        larger={
            ("POST", f"{prefix}{path}"): most
            for prefix in ("", "/v1")
            for path, most in (
                ("/files", uploads),
                ("/attachments", MAX_ATTACHMENT),
                ("/conversations/import", imports),
            )
        },
    )
    app.add_middleware(RateLimits)
    app.add_middleware(
        Access,
        hosts=(*settings.allowed_hosts, settings.host),
        origins=settings.allowed_origins,
        key=None if settings.api_key is None else settings.api_key.get_secret_value(),
        is_page=static.has,
        callers={
            entry.key.get_secret_value(): Caller(name, False, Quota.of(settings.limits_of(name)))
            for name, entry in settings.keys.items()
        },
        owner=Caller(quota=Quota.of(settings.limits_of())),
    )
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(AllowedOrigins, origins=settings.allowed_origins)
    app.add_middleware(OneLength)
    app.add_middleware(RequestMetrics)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestIds)
    return app


@asynccontextmanager
async def _locked_services(settings: ServerSettings) -> AsyncIterator[Services]:
    with home_lock(settings.home) as lock:
        lock.describe(settings.url)
        async with open_services(settings) as services:
            yield services
