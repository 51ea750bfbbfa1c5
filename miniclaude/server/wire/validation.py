"""Strict reading of request bodies: what is wrong is named as the caller wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails

from miniclaude.errors import InvalidRequestError, UnsupportedFieldError

NULL: JsonSchemaValue = {"type": "null"}


class StrictBody(BaseModel):
    """Base of every request body: no coercion between types, no field we do not know."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class NullIsAbsent(StrictBody):
    """A body in which `null` means the same as leaving the field out, as in the OpenAI API; its
    JSON schema says so too."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        required = schema.get("required", ())
        for name, field in schema.get("properties", {}).items():
            if name not in required:
                schema["properties"][name] = or_null(field)
        return reference

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: object) -> object:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data


def or_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    """A JSON schema that also takes null."""
    choices = schema.get("anyOf")
    if choices is None:
        return {"anyOf": [schema, NULL]}
    return schema if NULL in choices else {**schema, "anyOf": [*choices, NULL]}


Body = TypeVar("Body", bound=BaseModel)


def validate(model: type[Body], data: object) -> Body:
    """`data`, parsed from JSON, as a `model`.

    Raises UnsupportedFieldError for a field that is not known, InvalidRequestError for anything
    else, both with `param` as a path into the body, such as `messages[2].content`.
    """
    if not isinstance(data, dict):
        raise InvalidRequestError(
            "The body must be a JSON object.", hint='Send {"…": …}.', code="invalid_type"
        )
    try:
        return model.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise _as_invalid_request(_most_telling(details), data) from None


def _most_telling(details: Sequence[ErrorDetails]) -> ErrorDetails:
    """A thing of a kind that we do not know explains all else that is wrong with it, and a misspelt
    field explains that its right name is missing."""
    for detail in details:
        if detail["type"] == "literal_error" and detail["loc"][-1] == "type":
            return detail
    return next((detail for detail in details if detail["type"] == "extra_forbidden"), details[0])


def _as_invalid_request(detail: ErrorDetails, data: object) -> InvalidRequestError:
    param = _path(detail["loc"], data, may_end_missing=detail["type"] == "missing")
    if detail["type"].startswith("union_tag") and "discriminator" in detail["ctx"]:
        return _unknown_tag(param, detail["ctx"])
    if detail["type"] == "extra_forbidden":
        return UnsupportedFieldError(
            f"{param}: this field is not known here.",
            hint="Remove it, or check its spelling.",
            param=param,
        )
    if detail["type"] == "missing":
        return InvalidRequestError(
            f"{param}: this field is required.",
            hint="Add it to the request.",
            param=param,
            code="missing_required_parameter",
        )
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return InvalidRequestError(
        f"{param or 'body'}: {message}.",
        hint="Correct it and send the request again.",
        param=param or None,
        code="invalid_type" if detail["type"].endswith("_type") else "invalid_value",
    )


def _unknown_tag(place: str, context: Mapping[str, Any]) -> InvalidRequestError:
    """A message without a known role, or a part without a known type."""
    param = f"{place}.{context['discriminator'].strip(chr(39))}"
    if "tag" not in context:
        return InvalidRequestError(
            f"{param}: this field is required.",
            hint="Add it to the request.",
            param=param,
            code="missing_required_parameter",
        )
    return InvalidRequestError(
        f"{param}: {context['tag'][:64]!r} is not known here.",
        hint=f"Use one of {context['expected_tags']}.",
        param=param,
    )


def _path(location: Sequence[str | int], data: Any, *, may_end_missing: bool) -> str:
    """`messages[2].content` from pydantic's location, which also holds the tags of unions.

    Only steps that exist in the body count, and the last one where it names a missing field.
    """
    path = ""
    place = data
    for number, step in enumerate(location, 1):
        if isinstance(step, int) and isinstance(place, list) and step < len(place):
            place = place[step]
            path += f"[{step}]"
        elif isinstance(step, str) and isinstance(place, Mapping) and step in place:
            if _is_tag(step, place, location[number:], may_end_missing=may_end_missing):
                continue
            place = place[step]
            path += f".{step[:64]}" if path else step[:64]
        elif isinstance(step, str) and may_end_missing and number == len(location):
            path += f".{step[:64]}" if path else step[:64]
    return path


def _is_tag(
    step: str, place: Mapping[str, Any], rest: Sequence[str | int], *, may_end_missing: bool
) -> bool:
    """Whether a step that could be a field is a union's tag: a text part's type and its field are
    both called `text`. It is one when the way goes on beside that field and not within it."""
    value = place[step]
    if not rest or isinstance(value, list) or (isinstance(value, Mapping) and rest[0] in value):
        return False
    if rest[0] in place:
        return True
    return may_end_missing and len(rest) == 1 and not isinstance(value, Mapping)
