"""The OpenAPI document: what is served, told from the routes and from the bodies that they read.

Addresses, methods and query parameters come from the routes themselves, bodies from the wire
layer's own models, so the document cannot say anything else than the server does. Sockets have no
place in OpenAPI; `docs/api.md` tells of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from miniclaude import __version__
from miniclaude.server.examples import give_examples
from miniclaude.server.wire import (
    chat,
    completions,
    conversations,
    datasets,
    embeddings,
    feedback,
    fine_tuning,
    library,
    presets,
    providers,
)
from miniclaude.server.wire.anthropic import body as anthropic
from miniclaude.server.wire.anthropic.errors import PATHS as ANTHROPIC_PATHS
from miniclaude.server.wire.page_answers import ANSWERS as PAGE_ANSWERS
from miniclaude.server.wire.page_answers import TurnEventAnswer
from miniclaude.server.wire.protocol_answers import (
    ANTHROPIC_ANSWERS,
    DONE_LAST,
    PROTOCOL_ANSWERS,
    STREAMS,
)
from miniclaude.server.wire.responses import body as responses

Json = dict[str, Any]

SCHEMAS = "#/components/schemas/"
EVENTS = "text/event-stream"
BYTES = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Reads:
    """The body that a route reads. refused: fields that are known and must ask for nothing, with
    the values that do."""

    body: type[BaseModel]
    refused: Mapping[str, tuple[object, ...]] = field(default_factory=dict)


ANSWERS = {**PAGE_ANSWERS, **PROTOCOL_ANSWERS}
BODIES: dict[tuple[str, str], Reads] = {
    ("post", "/chat/completions"): Reads(chat.ChatBody, chat.NOT_IMPLEMENTED),
    ("post", "/completions"): Reads(completions.CompletionBody, completions.NOT_IMPLEMENTED),
    ("post", "/responses"): Reads(responses.ResponseBody, responses.NOT_IMPLEMENTED),
    ("post", "/messages"): Reads(anthropic.MessagesBody, anthropic.NOT_IMPLEMENTED),
    ("post", "/messages/count_tokens"): Reads(anthropic.CountBody, anthropic.NOT_IMPLEMENTED),
    ("post", "/embeddings"): Reads(embeddings.EmbeddingBody),
    ("post", "/conversations"): Reads(conversations.NewConversation),
    ("patch", "/conversations/{conversation_id}"): Reads(conversations.ConversationChange),
    ("post", "/conversations/{conversation_id}/turns"): Reads(conversations.NewTurn),
    ("post", "/conversations/{conversation_id}/turns/{turn_id}/tools/{call_id}"): Reads(
        conversations.Leave
    ),
    ("post", "/presets"): Reads(presets.NewPreset),
    ("put", "/conversations/{conversation_id}/messages/{message_id}/rating"): Reads(
        feedback.RatingBody
    ),
    ("post", "/fine_tuning/jobs"): Reads(fine_tuning.JobBody),
    ("post", "/fine_tuning/preflight"): Reads(fine_tuning.JobBody),
    ("post", "/fine-tune"): Reads(fine_tuning.SimpleBody),
    ("put", "/library/default"): Reads(library.DefaultModel),
    ("post", "/library/remove"): Reads(library.ModelName),
    ("post", "/library/needs"): Reads(library.Repository),
    ("post", "/library/tasks"): Reads(library.NewTask),
    ("put", "/providers/{name}"): Reads(providers.ProviderBody),
    ("post", "/datasets"): Reads(datasets.NewDataset),
    ("post", "/datasets/{name}/check"): Reads(datasets.WrittenRow),
    ("post", "/datasets/{name}/versions"): Reads(datasets.NewVersion),
}
"""Every route that reads JSON; a test finds the one that is missing."""

UPLOAD: Json = {
    "type": "object",
    "required": ["purpose", "file"],
    "properties": {
        "purpose": {"enum": ["fine-tune"]},
        "file": {"type": "string", "contentMediaType": "application/octet-stream"},
    },
}
EXPORTED: Json = {"type": ["object", "array"], "description": "The file, as it was exported."}
CONTENT: dict[tuple[str, str], str] = {
    ("get", "/files/{file_id}/content"): "application/octet-stream",
    ("get", "/datasets/{name}/content"): "application/octet-stream",
    ("get", "/datasets/{name}/report"): "application/octet-stream",
    ("get", "/conversations/{conversation_id}/export"): "application/octet-stream",
    ("get", "/conversations/{conversation_id}/messages/{message_id}/pictures/{place}"): "image/*",
    ("get", "/feedback/export"): "application/jsonl",
    ("get", "/metrics"): "text/plain",
    ("get", "/library/exports/{name}"): "application/octet-stream",
    ("get", "/library/tasks/{task_id}/events"): EVENTS,
    ("get", "/preparations/{preparation_id}/events"): EVENTS,
    ("get", "/conversations/{conversation_id}/turns/{turn_id}/events"): EVENTS,
}
"""What is answered where it is not JSON."""

_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
ERRORS: Json = {
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": _TEXT,
                    "type": _TEXT,
                    "param": _TEXT_OR_NULL,
                    "code": _TEXT_OR_NULL,
                },
            }
        },
    },
    "AnthropicError": {
        "type": "object",
        "required": ["type", "error", "request_id"],
        "properties": {
            "type": {"const": "error"},
            "error": {
                "type": "object",
                "required": ["type", "message"],
                "properties": {"type": _TEXT, "message": _TEXT},
            },
            "request_id": _TEXT,
        },
    },
}


def openapi_document(routers: Sequence[APIRouter], *, needs_key: bool, model: str = "") -> Json:
    """The document of the API's routers, all of which are served under `/` and under `/v1`. model:
    the one that examples name; "" where none is on offer."""
    everything = APIRouter()
    for router in routers:
        everything.include_router(router)
    document = get_openapi(title="Mini-Claude", version=__version__, routes=everything.routes)
    document["servers"] = [{"url": "/v1"}, {"url": "/"}]
    references, schemas = body_schemas()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _describe(operation, method, path, references)
    give_examples(document["paths"], model)
    _link_turns(document["paths"])
    document["components"] = {
        "schemas": {**schemas, **ERRORS},
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        },
    }
    keys: list[Json] = [{"bearer": []}, {"x-api-key": []}]
    document["security"] = keys if needs_key else [{}, *keys]
    return document


def body_schemas() -> tuple[dict[type[BaseModel], Json], Json]:
    """A reference to the schema of each body and answer, and all schemas by their names."""
    models: list[type[BaseModel]] = [reads.body for reads in BODIES.values()]
    models += [*ANSWERS.values(), *ANTHROPIC_ANSWERS.values(), *STREAMS.values(), TurnEventAnswer]
    models = list(dict.fromkeys(models))
    found, document = models_json_schema(
        [(model, "validation") for model in models], ref_template=f"{SCHEMAS}{{model}}"
    )
    references = {model: found[model, "validation"] for model in models}
    schemas: Json = document["$defs"]
    for reads in BODIES.values():
        schema = schemas[references[reads.body]["$ref"].removeprefix(SCHEMAS)]
        for name, values in reads.refused.items():
            schema["properties"][name] = {
                "description": "Not implemented: refused unless it asks for nothing.",
                "enum": [*values, None],
            }
    for schema in schemas["Hyperparameters"]["properties"].values():
        schema["anyOf"].append({"const": fine_tuning.AUTO})
    return references, schemas


def _describe(
    operation: Json, method: str, path: str, references: Mapping[type[BaseModel], Json]
) -> None:
    """Put into an operation what FastAPI cannot know: the routes read bodies by themselves."""
    reads = BODIES.get((method, path))
    if reads is not None:
        operation["requestBody"] = _content("application/json", references[reads.body])
    elif (method, path) == ("post", "/files"):
        operation["requestBody"] = _content("multipart/form-data", UPLOAD)
    elif (method, path) == ("post", "/attachments"):
        operation["requestBody"] = _content(BYTES, UPLOAD["properties"]["file"])
    elif (method, path) == ("post", "/conversations/import"):
        operation["requestBody"] = _content("application/json", EXPORTED)
    responses = operation["responses"]
    responses.pop("422", None)  # what is wrong is 400 here
    [good] = responses.values()
    if (method, path) in ANSWERS:
        shapes = [ANSWERS[method, path]]
        if (method, path) in ANTHROPIC_ANSWERS:
            shapes.append(ANTHROPIC_ANSWERS[method, path])
        told = [references[shape] for shape in shapes]
        schema = told[0] if len(told) == 1 else {"anyOf": told}
        good["content"]["application/json"]["schema"] = schema
    if (method, path) in CONTENT:
        good["content"] = {CONTENT[method, path]: {"schema": _TEXT}}
    if (method, path) in STREAMS or CONTENT.get((method, path)) == EVENTS:
        good["content"][EVENTS] = {"schema": _event((method, path), references)}
    error = "AnthropicError" if path in ANTHROPIC_PATHS else "Error"
    for status in ("4XX", "5XX"):
        responses[status] = {
            "description": "What is wrong, and what to do.",
            "content": {"application/json": {"schema": {"$ref": SCHEMAS + error}}},
        }
    if path == "/ready":
        responses["5XX"] = {"description": "Not ready, and why."}


def _event(place: tuple[str, str], references: Mapping[type[BaseModel], Json]) -> Json:
    """The schema of each event of a stream, by the names of its lines."""
    data: Json = {"type": "string", "contentMediaType": "application/json"}
    if place in STREAMS:
        data["contentSchema"] = references[STREAMS[place]]
    if place in DONE_LAST:
        data = {"anyOf": [{"const": "[DONE]"}, data]}
    return {
        "description": "Each event of the stream.",
        "type": "object",
        "required": ["data"],
        "properties": {"id": _TEXT, "event": _TEXT, "data": data},
    }


def _link_turns(paths: Json) -> None:
    """Say where a turn that has begun is watched and stopped; other ids explain themselves."""
    turns = "/conversations/{conversation_id}/turns"
    where = {
        "conversation_id": "$request.path.conversation_id",
        "turn_id": "$response.body#/turn_id",
    }
    paths[turns]["post"]["responses"]["201"]["links"] = {
        name: {"operationId": paths[turns + path][method]["operationId"], "parameters": where}
        for name, method, path in (
            ("watch", "get", "/{turn_id}/events"),
            ("cancel", "post", "/{turn_id}/cancel"),
        )
    }


def _content(kind: str, schema: Json) -> Json:
    return {"required": True, "content": {kind: {"schema": schema}}}
