"""`/presets`: settings for answers, kept by name; `/tools`: what answers may call."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from miniclaude.server.body import read_json
from miniclaude.server.routes.conversations import OWNER
from miniclaude.server.services import services_of
from miniclaude.server.wire.presets import NewPreset, preset_json
from miniclaude.server.wire.validation import validate
from miniclaude.tools.builtin import BUILTIN

router = APIRouter()


@router.get("/presets")
async def list_presets(request: Request) -> dict[str, Any]:
    """All of them, by name."""
    found = await services_of(request).presets.list(OWNER)
    return {"object": "list", "data": [preset_json(preset) for preset in found]}


@router.post("/presets", status_code=201)
async def save_preset(request: Request) -> dict[str, Any]:
    """Keep settings under a name; what had that name before gives way."""
    body = validate(NewPreset, await read_json(request))
    presets = services_of(request).presets
    return preset_json(await presets.save(OWNER, body.name, body.settings.given()))


@router.delete("/presets/{preset_id}", status_code=204)
async def delete_preset(request: Request, preset_id: str) -> None:
    """Forget one."""
    await services_of(request).presets.delete(OWNER, preset_id)


@router.get("/tools")
async def list_tools() -> dict[str, Any]:
    """The tools that an answer of a conversation may call."""
    tools = [
        {"name": tool.tool.name, "description": tool.tool.description} for tool in BUILTIN.values()
    ]
    return {"object": "list", "data": tools}
