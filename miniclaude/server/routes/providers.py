"""`/providers`: other services, added, tested and removed on the page. For the owner alone."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request

from miniclaude.server.body import read_json
from miniclaude.server.operator import operator_only
from miniclaude.server.other_services import OtherServices
from miniclaude.server.services import services_of, workbench_of
from miniclaude.server.wire.providers import ProviderBody, provider_json
from miniclaude.server.wire.validation import validate
from miniclaude.store.choices import ProviderChoice

router = APIRouter(prefix="/providers", dependencies=[Depends(operator_only)])

Name = Annotated[str, Path(max_length=64)]


@router.get("")
async def list_providers(request: Request) -> dict[str, Any]:
    """Those of config.toml, the environment and the page; whether a key is set, never the key."""
    data = await asyncio.to_thread(_others(request).list)
    return {"object": "list", "data": data}


@router.put("/{name}")
async def put_provider(request: Request, name: Name) -> dict[str, Any]:
    """Add a provider or change it; its models are `name/…` from now on."""
    body = validate(ProviderBody, await read_json(request))
    others = _others(request)
    entry = ProviderChoice(body.kind, body.base_url, body.api_key, body.vision)
    entry = others.put(name, entry, keep_key="api_key" not in body.model_fields_set)
    return provider_json(name, entry.kind, entry, fixed=False)


@router.delete("/{name}")
async def delete_provider(request: Request, name: Name) -> dict[str, Any]:
    """Forget a provider and its key."""
    _others(request).delete(name)
    return {"name": name, "deleted": True}


@router.post("/{name}/test")
async def check_provider(request: Request, name: Name) -> dict[str, Any]:
    """Ask the service for its models. `ok` false says in `problem` what went wrong."""
    return await _others(request).test(name)


def _others(request: Request) -> OtherServices:
    bench = workbench_of(request)
    return OtherServices(bench.settings, services_of(request).registry)
