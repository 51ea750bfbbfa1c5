"""What the server counts of itself, for Prometheus to read."""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from miniclaude.messages import PromptRead, Usage
from miniclaude.server.error_handlers import METHODS

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds of the histograms' buckets."""

MAX_MODELS = 200
"""Names of models that become labels. Prometheus keeps some fifty series for each."""

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The numbers of one server.

    A model's name becomes a label only once it has answered, so that made-up names do not; but
    there are services that answer for any name, so only the first `MAX_MODELS` do. An address is
    labelled by its route.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def histogram(name: str, text: str, labels: list[str]) -> Histogram:
            return Histogram(
                f"mini_claude_{name}", text, labels, buckets=SECONDS, registry=self.registry
            )

        def counter(name: str, text: str, labels: list[str]) -> Counter:
            return Counter(f"mini_claude_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"mini_claude_{name}", text, registry=self.registry)

        self.requests = counter(
            "http_requests", "HTTP requests answered", ["method", "route", "status"]
        )
        self.request_seconds = histogram(
            "http_request_seconds", "From a request to the end of its response", ["route"]
        )
        self.tokens = counter(
            "tokens", "Tokens: prompt, cached (of those), completion", ["model", "kind"]
        )
        self.answers = counter("answers", "Answers begun, by how they ended", ["model", "outcome"])
        self.refused = counter("refused", "Answers that never began, by the reason", ["reason"])
        self.first_seconds = histogram(
            "first_token_seconds", "From admission to an answer's first event", ["model"]
        )
        self.answer_seconds = histogram("answer_seconds", "From admission to its end", ["model"])
        self.guessed = counter(
            "guessed_tokens",
            "Tokens guessed ahead, by whom (lookup, draft): proposed, accepted (of those)",
            ["model", "source", "kind"],
        )
        self.models: set[str] = set()
        self.told: dict[tuple[str, str], int] = {}
        self.active = gauge("answers_active", "Answers in the making")
        self.waiting = gauge("answers_waiting", "Of those: nothing of them has come yet")

    def model_label(self, model: str) -> str:
        """What a model that has answered, or is loaded, is called here."""
        if model not in self.models:
            if len(self.models) >= MAX_MODELS:
                return "other"
            self.models.add(model)
        return model

    def note_guesses(self, guessed: Mapping[str, Mapping[str, int]]) -> None:
        """How many there have been, by model and by the names of `engine.protocol.GUESSED`. A model
        for which none was made, as one that only computes for its adapters, takes no label."""
        for model, counts in guessed.items():
            for name, count in counts.items():
                source, _, kind = name.partition("_")
                new = count - self.told.get((model, name), 0)
                if model in self.models or new:
                    self.guessed.labels(self.model_label(model), source, kind).inc(new)
                self.told[model, name] = count

    def text(self) -> bytes:
        """Everything, in Prometheus's text format."""
        return generate_latest(self.registry)


class Meter:
    """Measures one answer. used: tokens, as far as is known."""

    def __init__(self, metrics: Metrics, model: str, prompt_tokens: int) -> None:
        self.metrics = metrics
        self.model = model
        self.begun = time.monotonic()
        self.answering = False
        self.refused = False
        self.events = 0
        self.usage: Usage | None = None
        self.prompt_tokens = prompt_tokens
        metrics.active.inc()
        metrics.waiting.inc()

    @property
    def label(self) -> str:
        """The model's, to be asked for once it has answered."""
        return self.metrics.model_label(self.model)

    @property
    def used(self) -> int:
        """What it cost: as told, or guessed from what came when it was broken off. The prompt of
        one that its caller gave up is charged, for it was being read; of one that was refused it is
        not."""
        if self.usage is not None:
            return self.usage.prompt_tokens + self.usage.completion_tokens
        return 0 if self.refused else self.prompt_tokens + self.events

    def saw(self, event: object) -> None:
        """The next event of the answer."""
        if not self.answering:
            self.answering = True
            self.metrics.waiting.dec()
            self.metrics.first_seconds.labels(self.label).observe(time.monotonic() - self.begun)
        self.events += not isinstance(event, PromptRead)
        if isinstance(event, Usage):
            self.usage = event
            for kind, count in (
                ("prompt", event.prompt_tokens),
                ("cached", event.cached_tokens),
                ("completion", event.completion_tokens),
            ):
                self.metrics.tokens.labels(self.label, kind).inc(count)

    def end(self, error: BaseException | None) -> None:
        """It is over; error: what broke it off."""
        self.metrics.active.dec()
        self.refused = not self.answering and isinstance(error, Exception)
        if not self.answering:
            self.metrics.waiting.dec()
        if self.answering or error is None:
            outcome = "complete" if error is None else "cancelled"
            outcome = "failed" if isinstance(error, Exception) else outcome
            self.metrics.answers.labels(self.label, outcome).inc()
            self.metrics.answer_seconds.labels(self.label).observe(time.monotonic() - self.begun)
        else:
            reason = type(error).__name__ if isinstance(error, Exception) else "cancelled"
            self.metrics.refused.labels(reason).inc()


class RequestMetrics:
    """ASGI middleware: counts requests and how long they took."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.monotonic()
        status = 499  # what logs call a client that left

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            metrics = scope["app"].state.services.metrics
            route = getattr(scope.get("route"), "path", "none").removeprefix("/v1")
            method = scope["method"] if scope["method"] in METHODS else "other"
            metrics.requests.labels(method, route, str(status)).inc()
            metrics.request_seconds.labels(route).observe(time.monotonic() - begun)
