"""What an answer must look like: OpenAI's `response_format`, and vLLM's `structured_outputs` with
the older `guided_…` fields that its clients still send."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from miniclaude.errors import InvalidRequestError
from miniclaude.providers.base import Structure
from miniclaude.server.wire.validation import NullIsAbsent

MAX_PATTERN = 4096
MAX_CHOICES = 1000

FormatName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PATTERN)]
ChoiceText = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Choices = Annotated[list[ChoiceText], Field(min_length=1, max_length=MAX_CHOICES)]
Schema = dict[str, Any]


class JsonSchemaField(NullIsAbsent):
    """A schema by OpenAI's rules. strict: whether they are to be followed to the letter; here a
    schema always is."""

    name: FormatName
    description: Annotated[str, StringConstraints(max_length=16_384)] = ""
    schema_: Schema = Field(alias="schema", default_factory=dict)
    strict: bool = False

    def structure(self, param: str) -> Structure:
        """As the providers know it. param: where the schema stands."""
        return Structure(
            "json_schema",
            param,
            schema=self.schema_,
            name=self.name,
            description=self.description,
            strict=self.strict,
        )


class TextFormat(NullIsAbsent):
    """Any text."""

    type: Literal["text"]


class JsonObjectFormat(NullIsAbsent):
    """Any JSON object."""

    type: Literal["json_object"]


class JsonSchemaFormat(NullIsAbsent):
    """JSON by a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchemaField


ResponseFormat = Annotated[
    TextFormat | JsonObjectFormat | JsonSchemaFormat, Field(discriminator="type")
]


class StructuredOutputs(NullIsAbsent):
    """vLLM's: exactly one of the three."""

    json_: Schema | None = Field(alias="json", default=None)
    regex: Pattern | None = None
    choice: Choices | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> StructuredOutputs:
        if sum(value is not None for value in (self.json_, self.regex, self.choice)) != 1:
            raise ValueError("must have exactly one of json, regex and choice")
        return self


class StructureFields(NullIsAbsent):
    """The fields of a request that say what its answer must look like."""

    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    guided_json: Schema | None = None
    guided_regex: Pattern | None = None
    guided_choice: Choices | None = None

    def structure(self) -> Structure | None:
        """As the providers know it. Raises InvalidRequestError when two fields say different
        things."""
        found: list[Structure] = []
        match self.response_format:
            case JsonObjectFormat():
                found.append(Structure("json_object"))
            case JsonSchemaFormat(json_schema=given):
                found.append(given.structure("response_format.json_schema.schema"))
        outputs = self.structured_outputs or StructuredOutputs.model_construct()
        for prefix, schema, pattern, choices in (
            ("structured_outputs.", outputs.json_, outputs.regex, outputs.choice),
            ("guided_", self.guided_json, self.guided_regex, self.guided_choice),
        ):
            if schema is not None:
                found.append(Structure("json_schema", f"{prefix}json", schema=schema))
            if pattern is not None:
                found.append(Structure("regex", f"{prefix}regex", pattern=pattern))
            if choices is not None:
                found.append(Structure("choice", f"{prefix}choice", choices=tuple(choices)))
        if len(found) > 1:
            raise InvalidRequestError(
                f"{found[1].param}: {found[0].param} already says what the answer must look like.",
                hint="Send one of the two.",
                param=found[1].param,
            )
        return found[0] if found else None
