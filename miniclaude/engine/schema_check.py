"""What is wrong with a JSON schema whose keywords are all known: told with its place in the
request, before anything is compiled. No torch here."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from sys import float_info
from typing import Any
from urllib.parse import unquote

from miniclaude.errors import InvalidRequestError

Schema = dict[str, Any]

ONE = ("additionalItems", "additionalProperties", "items")
MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED = ("$defs", "definitions", "patternProperties", "properties")
DEFINITIONS = ("$defs", "definitions")
"""They are for references: by themselves they ask for nothing."""

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
NUMBERS = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
COUNTS = ("maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties")
BOUNDS = (
    ("minimum", "maximum"),
    ("minItems", "maxItems"),
    ("minLength", "maxLength"),
    ("minProperties", "maxProperties"),
)
LARGEST = int(float_info.max)
LARGE_BOUND = 10**18
"""From here on the library cannot tell all numbers above it, or below its opposite."""
MOST_COUNTED = 2**32 - 1
"""Characters, items or properties; the library counts no further, and no answer has as many."""
MAX_PASSES = 64
"""Over all schemas, to see which have an end; real ones need two or three."""


def check_schema(root: Schema, param: str) -> None:
    """Raises InvalidRequestError (code `invalid_schema`) for a value that its keyword does not
    take, bounds that leave nothing between them, a reference to nothing, and a schema that asks for
    a value inside of a value without end; `param` is its place."""
    for node, place in _all(root, param):
        for keyword, value in node.items():
            if why := _why_wrong(keyword, value):
                raise invalid(f"{place}.{keyword}", why)
        for least, most in BOUNDS:
            if least in node and most in node and node[least] > node[most]:
                raise invalid(
                    f"{place}.{least}",
                    f"it is {node[least]}, and {most} is {node[most]}: nothing lies between",
                )
        if "$ref" in node and _target(root, node["$ref"]) is None:
            raise invalid(
                f"{place}.$ref",
                f"nothing stands at {node['$ref'][:100]!r} in the schema",
                "Refer to a place in it by its path, such as #/$defs/name, and define that.",
            )
    _check_end(root, param)


def children(node: Schema, place: str) -> Iterator[tuple[str, Schema, str]]:
    """The schemas right inside of one: keyword, schema and place of each."""
    for keyword, value in node.items():
        at = f"{place}.{keyword}"
        if keyword in NAMED:
            found = [(inner, f"{at}.{name[:64]}") for name, inner in value.items()]
        elif keyword in MANY or (keyword in ONE and isinstance(value, list)):
            found = [(inner, f"{at}[{number}]") for number, inner in enumerate(value)]
        elif keyword in ONE:
            found = [(value, at)]
        else:
            continue
        yield from ((keyword, inner, where) for inner, where in found if isinstance(inner, dict))


def patterns(root: Schema, param: str) -> dict[str, str]:
    """The regular expressions of a schema, and the place of each."""
    found: dict[str, str] = {}
    for node, place in _all(root, param):
        if "pattern" in node:
            found[node["pattern"]] = f"{place}.pattern"
        for pattern in node.get("patternProperties", ()):
            found[pattern] = f"{place}.patternProperties"
    return found


def large_bounds(root: Schema, param: str) -> tuple[str, ...]:
    """Where numbers are bounded by what is so large that the library may not follow it."""
    return tuple(
        f"{place}.{keyword}"
        for node, place in _all(root, param)
        for keyword in NUMBERS
        if abs(node.get(keyword, 0)) >= LARGE_BOUND
    )


def _all(root: Schema, param: str) -> Iterator[tuple[Schema, str]]:
    yield root, param
    for _, inner, place in children(root, param):
        yield from _all(inner, place)


def _why_wrong(keyword: str, value: Any) -> str:
    """Why a keyword does not take this value; empty when it does."""
    if keyword in (*NUMBERS, *COUNTS, "const", "enum") and _holds_too_large(value):
        return "a number in it is beyond what 64 bits of floating point hold, about 1.8e308"
    if keyword in NUMBERS and not _is_number(value):
        return "it must be a number"
    if keyword == "multipleOf" and value <= 0:
        return "it must be greater than 0"
    if keyword in COUNTS and not (_is_number(value) and value == int(value) and value >= 0):
        return "it must be a whole number, 0 or greater"
    if keyword in COUNTS and keyword.startswith("min") and value > MOST_COUNTED:
        return f"it is beyond {MOST_COUNTED:,}, and no answer is as long"
    if keyword == "type":
        names = value if isinstance(value, list) and value else [value]
        wrong = next((name for name in names if name not in TYPES), None)
        return "" if wrong is None else f"{str(wrong)[:40]!r} is none of {', '.join(TYPES)}"
    if keyword == "required" and not _are_texts(value):
        return "it must be a list of property names"
    if keyword == "enum" and not (isinstance(value, list) and value):
        return "it must be a list of values, and not empty"
    if keyword in ("$ref", "pattern") and not isinstance(value, str):
        return "it must be a text"
    return ""


def _holds_too_large(value: object) -> bool:
    """Whether a whole number in it has no place among the floating point numbers, in which the
    grammars' library computes. JSON has room for one of thousands of digits."""
    if isinstance(value, int):
        return abs(value) > LARGEST
    if isinstance(value, dict):
        return any(map(_holds_too_large, value.values()))
    return isinstance(value, list) and any(map(_holds_too_large, value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _target(root: Schema, reference: str) -> Schema | bool | None:
    """The schema that a reference means; None when there is none."""
    if reference != "#" and not reference.startswith("#/"):
        return None
    found: Any = root
    for step in reference.split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal() and len(name) < 9:
            found = found[int(name)] if int(name) < len(found) else None
        else:
            found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict | bool) else None


def _check_end(root: Schema, param: str) -> None:
    """Find what each value of must hold another one of, for ever: whatever ends by what is known to
    end is known to, until nothing is added to that."""
    places = {id(node): place for node, place in _all(root, param)}
    order = _reachable(root, places)
    ending: set[int] = set()
    for _ in range(MAX_PASSES):
        before = len(ending)
        ending.update(id(node) for node in order if _ends(root, node, places, ending))
        if len(ending) == before:
            break
    else:
        return  # as far as was looked, it ends
    endless = next((node for node in reversed(order) if id(node) not in ending), None)
    seen: set[int] = set()
    place = ""
    while endless is not None and id(endless) not in seen:
        seen.add(id(endless))
        place, endless = next(
            (where, inner)
            for where, inner in _needed(root, endless, places)
            if id(inner) not in ending
        )
    if endless is not None:
        raise invalid(
            place,
            "it leads back into itself without end: each value would have to hold another one",
            "Leave it out of `required`, let its list be empty, or offer something else beside it:"
            ' {"anyOf": [{"$ref": …}, {"type": "null"}]}.',
        )


def _reachable(root: Schema, places: dict[int, str]) -> list[Schema]:
    """The schemas that a value may have to obey, those that others stand on first."""
    order: list[Schema] = []
    entered: set[int] = set()
    waiting: list[tuple[Schema, bool]] = [(root, False)]
    while waiting:
        node, done = waiting.pop()
        if done:
            order.append(node)
        elif id(node) not in entered:
            entered.add(id(node))
            waiting.append((node, True))
            inside = [inner for key, inner, _ in children(node, "") if key not in DEFINITIONS]
            inside += [inner for _, inner in _referred(root, node, places)]
            waiting += [(inner, False) for inner in inside]
    return order


def _ends(root: Schema, node: Schema, places: dict[int, str], ending: set[int]) -> bool:
    """Whether a schema has a value that ends, by those that are known to."""
    if id(node) in ending or "const" in node or "enum" in node:
        return True
    if any(id(inner) not in ending for _, inner in _always_needed(root, node, places)):
        return False
    for keyword in ("anyOf", "oneOf"):
        offered = node.get(keyword)
        if offered and all(isinstance(one, dict) and id(one) not in ending for one in offered):
            return False
    return True


def _needed(root: Schema, node: Schema, places: dict[int, str]) -> Iterator[tuple[str, Schema]]:
    """The schemas that keep this one from ending while they do not end, and their places."""
    yield from _always_needed(root, node, places)
    for keyword, inner, where in children(node, places[id(node)]):
        if keyword in ("anyOf", "oneOf"):
            yield where, inner


def _always_needed(
    root: Schema, node: Schema, places: dict[int, str]
) -> Iterator[tuple[str, Schema]]:
    """The schemas of which each value of this one has a value inside, or is one."""
    needed: list[object] = list(node.get("allOf", ()))
    kind = node.get("type")
    if kind in ("object", ["object"]):
        named = node.get("properties", {})
        needed += [named.get(name) for name in node.get("required", ())]
    if kind in ("array", ["array"]) and node.get("minItems", 0) > 0:
        items, least = node.get("items"), int(node["minItems"])
        first = node.get("prefixItems", items if isinstance(items, list) else [])
        needed += [*first[:least], items if least > len(first) else None]
    for inner in needed:
        if isinstance(inner, dict):
            yield places[id(inner)], inner
    yield from _referred(root, node, places)


def _referred(root: Schema, node: Schema, places: dict[int, str]) -> Iterator[tuple[str, Schema]]:
    """The schema that this one refers to, and where it does."""
    target = _target(root, node["$ref"]) if "$ref" in node else None
    if isinstance(target, dict) and id(target) in places:  # other objects are no schemas
        yield f"{places[id(node)]}.$ref", target


def invalid(param: str, why: str, hint: str = "Correct the schema.") -> InvalidRequestError:
    """What is wrong with a schema, and where."""
    return InvalidRequestError(f"{param}: {why}.", hint=hint, param=param, code="invalid_schema")
