"""What only the machine's owner may do: keys of other services, and the model folders."""

from __future__ import annotations

from fastapi import Request

from miniclaude.errors import PermissionDeniedError
from miniclaude.server.quotas import caller_of
from miniclaude.settings import ServerSettings


def operator_only(request: Request) -> None:
    """Raises PermissionDeniedError unless only this machine reaches the server, or the caller sent
    the server's own key, which `Access` has checked. It holds even where another guard fails."""
    settings: ServerSettings = request.app.state.settings
    if not caller_of(request.scope).owner or not (settings.is_loopback or settings.api_key):
        raise PermissionDeniedError(
            "Only the owner of this server may look after models and providers.",
            hint="Send the api_key of the server's settings.",
        )
