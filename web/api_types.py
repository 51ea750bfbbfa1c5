"""Writes the page's types from the OpenAPI document.

    .venv/bin/python web/api_types.py            # `npm run types`: writes web/src/api/schema.ts
    .venv/bin/python web/api_types.py --check    # says whether it is what the document gives

What the page's own routes read and answer becomes TypeScript types of the same names.
(openapi-typescript needs TypeScript 5 and cannot be installed beside TypeScript 7.)
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "web" / "src" / "api" / "schema.ts"
HEAD = """\
/** Written by `npm run types` from the OpenAPI document; not to be changed by hand. */
"""
PLAIN = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}

Schema = Mapping[str, Any]


def type_of(schema: Schema) -> str:
    """A schema as a TypeScript type. What it says of lengths and ranges has no place there."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return _union(json.dumps(value) for value in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return _union(type_of(choice) for choice in schema[several])
    kind = schema.get("type")
    if isinstance(kind, list):
        return _union(type_of({**schema, "type": one}) for one in kind)
    if kind == "array":
        return _array(schema)
    if kind == "object":
        return _object(schema)
    return PLAIN.get(str(kind), "unknown")


def _union(types: Any) -> str:
    return " | ".join(dict.fromkeys(types))


def _array(schema: Schema) -> str:
    if "prefixItems" in schema:
        return "[" + ", ".join(map(type_of, schema["prefixItems"])) + "]"
    item = type_of(schema.get("items", {}))
    return f"({item})[]" if " " in item else f"{item}[]"


def _object(schema: Schema) -> str:
    fields = schema.get("properties", {})
    if not fields:
        rest = schema.get("additionalProperties", {})
        return f"Record<string, {type_of(rest) if isinstance(rest, Mapping) else 'unknown'}>"
    needed = schema.get("required", ())
    lines = [
        f"{name if re.fullmatch(r'[A-Za-z_]+', name) else json.dumps(name)}"
        f"{'' if name in needed else '?'}: {type_of(field)};"
        for name, field in fields.items()
    ]
    return "{ " + " ".join(lines) + " }"


def reached(start: Any, schemas: Mapping[str, Schema]) -> set[str]:
    """The names of all schemas that `start`, a part of the document, leads to."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
            name = str(part.get("$ref", "")).rsplit("/", 1)[-1]
            if name and name not in found:
                found.add(name)
                waiting.append(schemas[name])
    return found


def schema_file(document: Mapping[str, Any], answers: Mapping[tuple[str, str], type]) -> str:
    """The whole file: what the routes of `answers` read and answer, and a turn's events, in the
    order of names. Of a route that answers other clients otherwise, only the page's shape."""
    everything = document["components"]["schemas"]
    parts: list[Any] = [everything["TurnEventAnswer"]]
    for (method, path), shape in answers.items():
        operation = document["paths"][path][method]
        parts += [operation.get("requestBody"), operation["responses"]["4XX"]]
        parts.append({"$ref": shape.__name__})
    names = reached(parts, everything)
    schemas = {name: everything[name] for name in names | {"TurnEventAnswer"}}
    types = [
        f"export type {name} = {type_of(schema)};".replace("; }", ";\n}")
        .replace("; ", ";\n  ")
        .replace("{ ", "{\n  ", 1)
        for name, schema in sorted(schemas.items())
    ]
    return HEAD + "".join(f"\n{one}\n" for one in types)


def main(arguments: list[str]) -> int:
    """Exit status: 0 done or up to date, 1 out of date, 2 wrong usage."""
    if arguments not in ([], ["--check"]):
        print("usage: python web/api_types.py [--check]", file=sys.stderr)
        return 2
    sys.path.insert(0, str(ROOT))
    from miniclaude.server.app import API_ROUTERS
    from miniclaude.server.openapi import openapi_document
    from miniclaude.server.wire.page_answers import ANSWERS

    document = openapi_document(API_ROUTERS, needs_key=False)
    text = schema_file(document, ANSWERS)
    if not arguments:
        FILE.write_text(text, encoding="utf-8")
        return 0
    if FILE.is_file() and FILE.read_text(encoding="utf-8") == text:
        return 0
    print("error: web/src/api/schema.ts is out of date. Run: npm run types", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
