"""Which models take pictures, and what is said for one that does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from miniclaude.errors import InvalidRequestError, SettingsError
from miniclaude.messages import ImagePart
from miniclaude.providers.base import ChatRequest

Vision = bool | tuple[str, ...]
"""Whether a provider's models see: all, none, or those of these names."""

MOST_NAMED = 8


def vision_option(name: str, options: Mapping[str, object], default: bool) -> Vision:
    """`vision` among a provider's options. Raises SettingsError for anything but a truth value or
    a list of names."""
    value = options.get("vision")
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple) and all(isinstance(model, str) for model in value):
        return tuple(value)
    raise SettingsError(
        f"providers.{name}.vision is {value!r}; it must be true, false or a list of models.",
        hint="Correct it in config.toml.",
        param=f"providers.{name}.vision",
    )


def is_seeing(vision: Vision, model: str) -> bool:
    """Whether a model of a provider with this setting sees."""
    return vision if isinstance(vision, bool) else model in vision


def first_image(request: ChatRequest) -> ImagePart | None:
    """The first picture of a conversation."""
    return next((image for message in request.messages for image in message.images), None)


def require_text(request: ChatRequest) -> None:
    """Raises InvalidRequestError for a picture, for a provider whose models read text only."""
    if image := first_image(request):
        raise blind(request.model, image.param)


def blind(model: str, param: str, seeing: Sequence[str] = ()) -> InvalidRequestError:
    """The error for a picture that a model would be sent. param: where the request has it. seeing:
    models that could be asked instead."""
    named = ", ".join(seeing[:MOST_NAMED])
    if len(seeing) > MOST_NAMED:
        named += f" and {len(seeing) - MOST_NAMED} more"
    others = (
        f"Leave it out, or ask a model that sees: {named}."
        if seeing
        else "Leave it out. No model here sees; those of a provider do with `vision = true` in"
        " config.toml, or on the page of providers."
    )
    return InvalidRequestError(
        f"{param}: the model {model[:256]!r} reads text only, and this is a picture.",
        hint=others,
        param=param,
        code="unsupported_model",
    )
