"""Long work on model folders, asked for on the page: pull, quantise, export. What is asked, and how
far it has come."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

Json = dict[str, Any]
Kind = Literal["pull", "quantize", "export"]
Status = Literal["running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is told. model: what is pulled, quantised or exported, by name. models,
    adapters: the library's folders. endpoint, token, revision: of a pull. to: int8 or int4, a GGUF
    number type, or `folder`. name: what the copy is called. target: where an export goes."""

    kind: Kind
    model: str
    models: str
    adapters: str
    endpoint: str = ""
    token: str | None = field(default=None, repr=False)
    revision: str = "main"
    to: str = ""
    name: str = ""
    target: str = ""

    def as_dict(self) -> Json:
        """As JSON; goes to the worker's standard input alone, for it may hold the token."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Json) -> Order:
        """The reverse of `as_dict`."""
        return cls(**{one.name: values[one.name] for one in fields(cls)})


@dataclass(slots=True)
class Errand:
    """done, total: bytes, of files or of numbers made; total is 0 while nobody knows. file: what is
    being worked on. result: the new model's name, or the export's. error: `{message, hint}`. Times
    are Unix seconds."""

    id: str
    kind: Kind
    model: str
    to: str
    created_at: float
    status: Status = "running"
    done: int = 0
    total: int = 0
    file: str = ""
    notes: list[str] = field(default_factory=list)
    result: str | None = None
    error: Json | None = None
    finished_at: float | None = None
