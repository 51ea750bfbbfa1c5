"""What the providers of remote services share: options read with care, failures given our names."""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from miniclaude.errors import (
    ContextLengthError,
    InvalidRequestError,
    MiniClaudeError,
    ModelNotFoundError,
    OverloadedError,
    PayloadTooLargeError,
    ProviderError,
    RateLimitError,
    SettingsError,
)
from miniclaude.providers.retries import told_seconds
from miniclaude.store.text import mend_text

_log = logging.getLogger(__name__)

LONGEST_MESSAGE = 500  # characters of an upstream's own words that we pass on
MOST_MODELS = 1000
OVERLOADED = (503, 529)
UNREADABLE = "it sent an answer that cannot be unpacked"
CUT = ("ReadError", "WriteError", "CloseError", "RemoteProtocolError")
PROBLEMS = {**dict.fromkeys(CUT, "the connection broke"), "DecodingError": UNREADABLE}
"""By how httpx calls what happens to a service that was reached. Who reads that it cannot be
reached looks for a wrong address."""
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 300.0
"""A service on small hardware reads a long prompt for minutes before it says anything."""


def text_option(name: str, options: Mapping[str, object], key: str, default: str = "") -> str:
    """A string among a provider's options. Raises SettingsError for anything else."""
    value = options.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise SettingsError(
            f"providers.{name}.{key} is {value!r}; it must be text.",
            hint="Correct it in config.toml.",
            param=f"providers.{name}.{key}",
        )
    return value


def count_option(name: str, options: Mapping[str, object], key: str, default: int) -> int:
    """A whole number ≥ 0 among a provider's options. Raises SettingsError for anything else."""
    value = options.get(key)
    if value is None:
        return default
    if type(value) is not int or value < 0:
        raise SettingsError(
            f"providers.{name}.{key} is {value!r}; it must be a whole number.",
            hint="Correct it in config.toml.",
            param=f"providers.{name}.{key}",
        )
    return value


@contextmanager
def upstream_errors(
    name: str, model: str, sdk_error: type[Exception]
) -> Generator[None, None, None]:
    """Turn whatever an SDK raises inside the block into one of our errors.

    name: the provider's, for the reader. sdk_error: the base of the SDK's own exceptions. A
    connection that breaks while streaming, and bytes that are no JSON, come through the SDKs
    untranslated; an answer of another shape than they expect (a web page where a list of models
    should be) makes them fail as a program does that was not prepared for it.
    """
    import httpx2

    try:
        yield
    except sdk_error as error:
        # What is ours, raised while a response was read, an SDK takes for a broken connection.
        if isinstance(error.__cause__, MiniClaudeError):
            raise error.__cause__ from error
        raise translate(name, model, error) from error
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise broken(name, "it did not answer in time") from error
    except httpx2.DecodingError as error:
        raise broken(name, f"{UNREADABLE} ({_words(error)})") from error
    except httpx2.HTTPError as error:
        raise broken(name, f"the connection broke: {_words(error)}") from error
    except ValueError as error:
        raise broken(name, "it sent something that is not JSON") from error
    except RecursionError as error:
        raise broken(name, "it sent JSON that is nested too deeply") from error
    except (AttributeError, TypeError, LookupError) as error:
        raise broken(name, f"it sent an answer of an unknown shape ({error})") from error


@contextmanager
def well_formed(name: str) -> Generator[None, None, None]:
    """For the few lines that take an upstream's answer apart: the SDKs do not validate it, so a
    field may be missing or of another type."""
    try:
        yield
    except (AttributeError, TypeError, LookupError, ValueError, OverflowError) as error:
        raise broken(name, f"it sent an event of an unknown shape ({error})") from error


def broken(name: str, problem: str, status: int | None = None) -> ProviderError:
    """The upstream failed, through no fault of the caller."""
    return ProviderError(
        f"{name}: {problem.rstrip('.')}.",
        hint="Try again in a moment; if it goes on, check the service's status page and"
        f" providers.{name}.base_url.",
        status=status,
    )


def translate(name: str, model: str, error: Exception) -> MiniClaudeError:
    """Our error for an SDK's. A wrong key is the operator's trouble, never the caller's 401."""
    status: int | None = getattr(error, "status_code", None)
    if status is None or status < 300:  # no answer, or an error event inside a good one
        kind = type(error).__name__
        if kind == "APITimeoutError":
            return broken(name, "it did not answer in time")
        if kind == "APIConnectionError":
            cause = error.__cause__ or error
            problem = PROBLEMS.get(type(cause).__name__, "it cannot be reached")
            return broken(name, f"{problem} ({_words(cause)})")
        return broken(name, f"it stopped with an error: {said(error)}")
    if status in (401, 403):
        return ProviderError(
            f"{name}: the service refuses our key.",
            hint=f"Check providers.{name}.api_key in config.toml, or its environment variable.",
            status=status,
        )
    if status == 404:
        return ModelNotFoundError(
            f"model: {name} has no model {model!r}: {said(error)}",
            hint="GET /models lists what it offers.",
            param="model",
        )
    if status == 413:
        return PayloadTooLargeError(
            f"{name}: the request is too large for it: {said(error)}", hint="Send less."
        )
    if status == 429:
        return RateLimitError(
            f"{name}: a rate limit or quota is used up: {said(error)}",
            hint="Wait, or raise the limit with the service.",
            retry_after=_retry_after(error),
        )
    if status in OVERLOADED:
        # As ours these are not logged: there are hundreds when it matters. Theirs are somebody's
        # outage, which whoever runs this has to know of.
        _log.warning("%s: it answers with status %s.", name, status)
        return OverloadedError(
            f"{name}: it answers with status {status}: {said(error)}",
            hint="Try again when it has less to do; if it goes on, check the service's status page"
            f" and providers.{name}.base_url.",
            retry_after=_retry_after(error),
        )
    if status in (400, 409, 422):
        too_long = getattr(error, "code", None) == "context_length_exceeded"
        kind_of = ContextLengthError if too_long else InvalidRequestError
        param = getattr(error, "param", None)
        return kind_of(
            f"{name}: {said(error)}",
            hint="Change the request as the service asks.",
            param=param if isinstance(param, str) else None,
        )
    return broken(name, f"it answers with status {status}: {said(error)}", status)


def said(error: Exception) -> str:
    """The upstream's own words, without the wrapping, cut to a bearable length."""
    body = getattr(error, "body", None)
    for key in ("error", "message"):
        if isinstance(body, dict) and body.get(key):
            body = body[key]
    text = mend_text(body if isinstance(body, str) else str(getattr(error, "message", error)))
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + "…"


def _words(error: BaseException) -> str:
    """What an error says, or else its kind: httpx's often say nothing."""
    return str(error) or type(error).__name__


def _retry_after(error: Exception) -> int:
    """Whole seconds, 1 to 120."""
    return math.ceil(min(max(told_seconds(error) or 1.0, 1.0), 120.0))
