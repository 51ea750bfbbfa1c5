"""What a job is told, what it may be asked meanwhile, and what it gives back.

These values cross the boundary of a process as JSON, so they hold nothing else. Between the order
and the result the work speaks through `tell`, one JSON object at a time:

    {"event": "message", "message": str, "level": "info" | "warn" | "error"}
    {"event": "metrics", "step": int, "total_steps": int, ...}   train_loss, valid_loss, …: numbers
    {"event": "checkpoint", "step": int, "samples": [...], ...}  resumable from here; its metrics
        samples: [{"prompt": str, "answer": str}], what the model answers at that step; empty where
        there was no time for it
    {"event": "plan", "total_steps": int, "seconds": float, "trained_tokens": int, ...}
        what is expected, as soon as it is known and whenever it is known better

Anything else in an event is kept as its data. A number that is not finite is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from miniclaude.model.tuned import tuned_name

Task = Literal["train", "validate", "foretell"]
"""What a worker does about an order: all of it, look at its files, or say what it would take."""

Wish = Literal["go", "pause", "cancel"]

Control = Callable[[], Wish]
"""Asked between steps: go on, stop and keep a checkpoint, or stop and keep nothing."""

Json = dict[str, Any]

Tell = Callable[[Json], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of rows. path: where it is, or the name of a dataset that the work knows (`seed`).
    name: what a person calls it, for messages: a path made by the server tells nobody anything.
    """

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class JobOrder:
    """One fine-tuning, wholly described.

    id: the job's. model_id: 12 letters and digits, the folder under `adapters` that the result
    goes to; the same at every resumption. base, base_folder: the model to start from, by name and
    place. training, validation: sources of rows; prepared: a prepared dataset's folder, in place
    of both. spec: fields of TuneSpec that were asked for; what is absent is chosen by the work.
    batch_size: examples a step. learning_rate_multiplier: of the learning rate the work chooses.
    org, suffix: parts of the model's name, `ft:<base>:<org>:<suffix>:<model_id>`.
    """

    id: str
    model_id: str
    base: str
    base_folder: Path
    adapters: Path
    training: tuple[Source, ...] = ()
    validation: tuple[Source, ...] = ()
    prepared: Path | None = None
    spec: Mapping[str, object] = field(default_factory=dict)
    batch_size: int | None = None
    learning_rate_multiplier: float | None = None
    org: str = ""
    suffix: str = ""
    seed: int = 1

    @property
    def fine_tuned_model(self) -> str:
        """The name the result is served under."""
        return tuned_name(self.base, self.org, self.suffix, self.model_id)

    def as_dict(self) -> Json:
        """As JSON values."""
        values = asdict(self)
        for name in ("base_folder", "adapters", "prepared"):
            values[name] = None if values[name] is None else str(values[name])
        return {**values, "spec": dict(self.spec)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> JobOrder:
        """The reverse of `as_dict`."""

        def sources(name: str) -> tuple[Source, ...]:
            return tuple(Source(**source) for source in values[name])

        return cls(
            **{
                **values,
                "base_folder": Path(values["base_folder"]),
                "adapters": Path(values["adapters"]),
                "prepared": None if values["prepared"] is None else Path(values["prepared"]),
                "training": sources("training"),
                "validation": sources("validation"),
            }
        )


@dataclass(frozen=True, slots=True)
class JobResult:
    """How the work ended, when it ended without an error.

    ended: `finished` (also when it stopped early because nothing improved), or what was wished.
    The rest only when finished. fine_tuned_model: the name in the result's mini-claude.json.
    folder: that result, under the order's `adapters`. trained_tokens: seen by the loss, all epochs
    together. metrics: the last values. files: reports worth keeping, made in the job's folder.
    """

    ended: Literal["finished", "paused", "cancelled"]
    fine_tuned_model: str = ""
    folder: Path | None = None
    trained_tokens: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    def as_dict(self) -> Json:
        """As JSON values."""
        return {
            "ended": self.ended,
            "fine_tuned_model": self.fine_tuned_model,
            "folder": None if self.folder is None else str(self.folder),
            "trained_tokens": self.trained_tokens,
            "metrics": dict(self.metrics),
            "files": [str(path) for path in self.files],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> JobResult:
        """The reverse of `as_dict`."""
        return cls(
            **{
                **values,
                "folder": None if values["folder"] is None else Path(values["folder"]),
                "files": tuple(Path(path) for path in values["files"]),
            }
        )
