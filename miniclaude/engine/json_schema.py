"""Which JSON schemas can be enforced: what is not implemented is refused by its name and place.

The keywords are JSON Schema's (draft 2020-12) as far as llguidance implements them. No torch here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import inf
from string import ascii_letters, digits
from typing import Any, cast

from miniclaude.engine.schema_check import (
    COUNTS,
    LARGEST,
    MANY,
    MOST_COUNTED,
    NAMED,
    ONE,
    Schema,
    check_schema,
    children,
    invalid,
)
from miniclaude.errors import InvalidRequestError, UnsupportedFieldError

MAX_SCHEMA = 131_072
"""Characters of a schema as JSON."""
MAX_DEPTH = 48
"""Schemas inside of schemas."""
MAX_PROPERTIES = 1000
"""Of one object: the time to compile grows with their square."""

VALUES = (
    *("$ref", "const", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "maxItems"),
    *("maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties"),
    *("minimum", "multipleOf", "pattern", "required", "type"),
)
ANNOTATIONS = (
    *("$anchor", "$comment", "$id", "$schema", "$vocabulary", "contentEncoding"),
    *("contentMediaType", "contentSchema", "default", "deprecated", "description"),
    *("discriminator", "enumDescriptions", "example", "examples", "externalDocs", "id"),
    *("markdownDescription", "readOnly", "title", "writeOnly", "xml"),
)
"""Keywords that constrain nothing, of JSON Schema, OpenAPI and editors."""
LIBRARY_OWN = "x-guidance"
"""The one extension with a meaning here: llguidance's, by which a schema may ask for less."""
FORMATS = (
    *("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid"),
)
ESCAPE_OR_GROUP = re.compile(r"\\(.)|\(\?(<?[=!]|[>#])", re.DOTALL)
"""An escaped character, or the beginning of a group that Rust's `regex` does not have."""
UNKNOWN_ESCAPES = frozenset(ascii_letters + digits + "<>") - set("AafnrtvzdDsSwWxuUpP")
"""References back, bounds of words, and what only other syntaxes know."""
CLASS = re.compile(
    r"\\."
    r"|\[\^?\](?:\\.|[^]\\[])*\]"  # as Rust and Python have it, where a first ] is a character
    r"|(\[\^?(?:\\.|[^]\\])*\])"  # as JavaScript has it, where it ends the class
    r"|\[.*",  # one without an end, in which none is looked for again
    re.DOTALL,
)
ANYTHING, NOTHING = "[^]", "[]"
"""Classes of characters that only JavaScript knows."""
COMBINING = {"$ref", "allOf", "anyOf", "oneOf"}


def enforceable(schema: object, param: str, *, lenient: bool = False) -> Schema:
    """The schema as it is enforced.

    An object that names its properties has no others, unless it says so with additionalProperties
    or is combined with another schema: whatever is left still obeys the schema given. lenient:
    keywords that are not implemented are left out, patterns in a syntax that is not known here too,
    and `oneOf` is taken as `anyOf`.

    Raises UnsupportedFieldError (code `unsupported_schema`) naming a keyword that is not
    implemented, InvalidRequestError (`invalid_schema`) for what is no schema, is too large or deep,
    or what `check_schema` refuses; `param` is where the schema stands in the request.
    """
    schema_size(schema, param)
    result = _read(cast("Schema", schema), param, 0, lenient)
    check_schema(result, param)
    if not any(_combines(node) for node in _nodes(result)):
        for node in _nodes(result):
            _close(node)
    if lenient:
        result["x-guidance"] = {"coerce_one_of": True}
    return result


def schema_size(schema: object, param: str) -> int:
    """Its characters as JSON, before anything is made of it. Raises InvalidRequestError for what is
    no schema, and for one that is too large by itself."""
    if not isinstance(schema, dict):
        raise invalid(param, "a schema must be an object")
    try:
        size = len(json.dumps(schema, ensure_ascii=False))
    except (ValueError, RecursionError) as error:
        raise invalid(param, "it cannot be written as JSON") from error
    if size > MAX_SCHEMA:
        raise InvalidRequestError(
            f"{param}: the schema has {size:,} characters; at most {MAX_SCHEMA:,} are accepted.",
            hint="Send a smaller schema.",
            param=param,
            code="schema_too_large",
        )
    return size


def _read(node: Schema, param: str, depth: int, lenient: bool) -> Schema:
    """A checked copy of a schema, without the keywords that constrain nothing."""
    if depth > MAX_DEPTH:
        raise invalid(param, f"schemas may be nested {MAX_DEPTH} deep")
    read: Schema = {}
    for keyword, value in node.items():
        place = f"{param}.{keyword[:64]}"
        if keyword in ONE:
            # The oldest drafts list the schemas of an array's first items here.
            read[keyword] = (
                [_inner(each, f"{place}[{n}]", depth, lenient) for n, each in enumerate(value)]
                if keyword == "items" and isinstance(value, list)
                else _inner(value, place, depth, lenient)
            )
        elif keyword in MANY:
            if not isinstance(value, list) or not value:
                raise invalid(place, "it must be a list of schemas")
            read[keyword] = [
                _inner(each, f"{place}[{n}]", depth, lenient) for n, each in enumerate(value)
            ]
        elif keyword in NAMED:
            if not isinstance(value, dict):
                raise invalid(place, "it must be an object of schemas")
            if keyword == "properties" and len(value) > MAX_PROPERTIES:
                raise invalid(place, f"an object may name {MAX_PROPERTIES:,} properties")
            read[keyword] = _named(keyword, value, place, depth, lenient)
        elif keyword in VALUES:
            why = _why_not(keyword, value)
            if why and not lenient:
                raise _unsupported(place, why)
            if not why and not (lenient and keyword == "pattern" and not _readable(value)):
                read |= _value(keyword, value)
        elif keyword == "nullable":
            if not isinstance(value, bool) and not lenient:
                raise invalid(place, "it must be true or false")
            if value and "type" not in node and not lenient:
                raise _unsupported(place, "it is read beside a `type` only, as OpenAPI 3.0 has it")
        elif not lenient and not _is_annotation(keyword):
            raise _unsupported(place, "this keyword is not implemented here")
    if node.get("nullable") is True and "type" in read:
        read["type"] = _or_null(read["type"])
    if lenient and not all(map(_readable, node.get("patternProperties", ()))):
        # The names that a pattern left out allowed count as additional ones now.
        read["additionalProperties"] = True
    if lenient and node.get("nullable") is True and read and "type" not in read:
        return {"anyOf": [read, {"type": "null"}]}
    return read


def _named(keyword: str, schemas: Schema, place: str, depth: int, lenient: bool) -> Schema:
    """Schemas by name or by pattern. Where two patterns are one when translated, both hold."""
    found: dict[str, list[Schema | bool]] = {}
    for name, each in schemas.items():
        pattern = keyword == "patternProperties"
        if not (lenient and pattern and not _readable(name)):
            inner = _inner(each, f"{place}.{name[:64]}", depth, lenient)
            found.setdefault(_translated(name) if pattern else name, []).append(inner)
    return {
        name: one if not more else {"allOf": [one, *more]} for name, (one, *more) in found.items()
    }


def _inner(value: object, param: str, depth: int, lenient: bool) -> Schema | bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, dict):
        raise invalid(param, "a schema must be an object or a boolean")
    return _read(value, param, depth + 1, lenient)


def _value(keyword: str, value: Any) -> Schema:
    """A keyword and its value as the library takes them. A number that is whole is so however it
    is written (`10.0`), and a count that no answer reaches is left out. What is no such value is
    told of later."""
    if keyword == "pattern":
        return {keyword: _translated(value)}
    if keyword in COUNTS and isinstance(value, int | float) and not isinstance(value, bool):
        if keyword.startswith("max") and MOST_COUNTED < value <= LARGEST:
            return {}
        return {keyword: int(value) if value == value // 1 and abs(value) < inf else value}
    return {keyword: value}


def _is_annotation(keyword: str) -> bool:
    return keyword in ANNOTATIONS or (keyword.startswith("x-") and keyword != LIBRARY_OWN)


def _or_null(kinds: object) -> object:
    """A `type` that has null too. What is no type is told of later."""
    found = kinds if isinstance(kinds, list) else [kinds]
    return [*found, "null"] if found and "null" not in found else kinds


def _why_not(keyword: str, value: object) -> str:
    """Why this value cannot be enforced; empty when it can."""
    if keyword == "format" and value not in FORMATS:
        return f"the format {str(value)[:64]!r} is not implemented here"
    if keyword == "$ref" and not str(value).startswith("#"):
        return "only references into the schema itself (#/…) are followed"
    return ""


def _readable(pattern: object) -> bool:
    """Whether an expression has nothing that Rust's `regex` lacks and JavaScript's, in which most
    schemas are written, has. What is no text is told of later."""
    if not isinstance(pattern, str):
        return True
    found = (match.groups() for match in ESCAPE_OR_GROUP.finditer(pattern))
    known = not any(group or escaped in UNKNOWN_ESCAPES for escaped, group in found)
    return known and NOTHING not in CLASS.findall(pattern)


def _translated(pattern: object) -> Any:
    """An expression with JavaScript's class of all characters written as Rust's `regex` knows it.
    What Rust's can read is left as it is: Python's are written so too."""
    if not isinstance(pattern, str):
        return pattern
    return CLASS.sub(lambda found: r"[\s\S]" if found[1] == ANYTHING else found[0], pattern)


def _nodes(node: Schema) -> Iterator[Schema]:
    """The schema and all inside of it."""
    yield node
    for _, inner, _ in children(node, ""):
        yield from _nodes(inner)


def _combines(node: Schema) -> bool:
    """Whether an object must obey several schemas at once, each with a part of its properties."""
    constrained = {"properties", "required", "additionalProperties", "patternProperties"}
    return "allOf" in node or bool(COMBINING & node.keys() and constrained & node.keys())


def _close(node: Schema) -> None:
    named = node.get("properties")
    if named is None or "additionalProperties" in node or "patternProperties" in node:
        return
    required = node.get("required")
    if not isinstance(required, list) or all(name in named for name in required):
        node["additionalProperties"] = False


def _unsupported(param: str, why: str) -> UnsupportedFieldError:
    return UnsupportedFieldError(
        f"{param}: {why}.",
        hint="Leave it out of the schema, and check the answer for it yourself.",
        param=param,
        code="unsupported_schema",
    )
