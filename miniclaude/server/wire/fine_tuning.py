"""Fine-tuning jobs as the OpenAI API writes them, and hyperparameters of our own beside its."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from miniclaude.errors import InvalidRequestError, UnsupportedFieldError
from miniclaude.jobs.foresight import Forecast
from miniclaude.model.library import InstalledModel
from miniclaude.server.wire.sampling import Finite, ModelName
from miniclaude.server.wire.validation import NullIsAbsent, StrictBody
from miniclaude.store.job_events import Checkpoint, Event
from miniclaude.store.jobs import Job, NewJob

MAX_INLINE_ROWS = 1_000
"""Rows in a request of `/fine-tune`; more belong in a file."""

AUTO = "auto"
FORETOLD = ("steps", "seconds", "trained_tokens", "memory_bytes", "memory_free")
OPENAI_NAMES = ("batch_size", "learning_rate_multiplier", "n_epochs")

Json = dict[str, Any]
DataName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Suffix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Positive = Annotated[Finite, Field(gt=0)]
Share = Annotated[Finite, Field(ge=0, lt=1)]
Interval = Annotated[int, Field(ge=0, le=10_000_000)]
Target = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Hyperparameters(StrictBody):
    """`"auto"` and null mean: chosen by us. The first three are the OpenAI API's; `beta` is for
    dpo and kto; the others are fields of our own TuneSpec and LoraConfig, with `tuning` for how
    much is trained, and none may be beyond what those take."""

    n_epochs: Annotated[Positive, Field(le=1000)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=4096)] | None = None
    learning_rate_multiplier: Annotated[Positive, Field(le=1000)] | None = None
    beta: Annotated[Positive, Field(le=2)] | None = None
    tuning: Literal["lora", "qlora", "full"] | None = None
    steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    learning_rate: Annotated[Positive, Field(le=1)] | None = None
    max_length: Annotated[int, Field(ge=8, le=1_000_000)] | None = None
    batch_tokens: Annotated[int, Field(ge=8, le=1 << 22)] | None = None
    accumulate: Annotated[int, Field(ge=1, le=4096)] | None = None
    warmup: Annotated[Finite, Field(ge=0, le=1)] | None = None
    schedule: Literal["cosine", "linear", "constant"] | None = None
    weight_decay: Annotated[Finite, Field(ge=0, le=10)] | None = None
    clip: Annotated[Positive, Field(le=1000)] | None = None
    precision: Literal["float32", "bfloat16", "float16"] | None = None
    bits: Literal[4, 8] | None = None
    gradient_checkpointing: bool | None = None
    ema: Annotated[Finite, Field(ge=0, le=0.999999)] | None = None
    patience: Annotated[int, Field(ge=0, le=1000)] | None = None
    evaluate_every: Interval | None = None
    checkpoint_every: Interval | None = None
    r: Annotated[int, Field(ge=1, le=1024)] | None = None
    alpha: Annotated[Positive, Field(le=65536)] | None = None
    dropout: Share | None = None
    rslora: bool | None = None
    dora: bool | None = None
    targets: Annotated[list[Target], Field(min_length=1, max_length=64)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _drop_auto(cls, data: object) -> object:
        if isinstance(data, dict):
            return {k: v for k, v in data.items() if v is not None and v != AUTO}
        return data

    def asked(self) -> Json:
        """The fields that were given."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


class MethodOptions(NullIsAbsent):
    """What stands under `method.supervised` and the like."""

    hyperparameters: Hyperparameters = Field(default_factory=Hyperparameters)


class Method(NullIsAbsent):
    """How to learn; `kto` is our own."""

    type: Literal["supervised", "dpo", "kto"]
    supervised: MethodOptions | None = None
    dpo: MethodOptions | None = None
    kto: MethodOptions | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_reinforcement(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("type") == "reinforcement":
            raise ValueError("'reinforcement' is not offered here; use supervised, dpo or kto")
        return data

    @model_validator(mode="after")
    def _only_its_own(self) -> Method:
        for name in ("supervised", "dpo", "kto"):
            if name != self.type and getattr(self, name) is not None:
                raise ValueError(f"the type is {self.type!r}, so {name!r} has no place here")
        return self

    def as_json(self) -> Json:
        """With what was asked for only."""
        return method_json(self.type, getattr(self, self.type) or MethodOptions())


class JobBody(NullIsAbsent):
    """`POST /fine_tuning/jobs`. hyperparameters: where they stood before there was `method`."""

    model: ModelName
    training_file: DataName
    validation_file: DataName | None = None
    suffix: Suffix | None = None
    seed: Seed | None = None
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None
    integrations: list[Any] = Field(default_factory=list)
    metadata: (
        Annotated[
            dict[
                Annotated[str, StringConstraints(max_length=64)],
                Annotated[str, StringConstraints(max_length=512)],
            ],
            Field(max_length=16),
        ]
        | None
    ) = None

    @field_validator("suffix", mode="before")
    @classmethod
    def _suffix(cls, value: object) -> object:
        return check_suffix(value)

    def new_job(self) -> NewJob:
        """What the store keeps. Raises InvalidRequestError, UnsupportedFieldError."""
        if self.integrations:
            raise UnsupportedFieldError(
                "integrations: none are offered here.",
                hint="Leave them out; metrics come as the job's events and as a result file.",
                param="integrations",
            )
        if self.method is None:
            options = MethodOptions(hyperparameters=self.hyperparameters or Hyperparameters())
            method = method_json("supervised", options)
        elif self.hyperparameters is not None:
            raise InvalidRequestError(
                "hyperparameters: they are given twice, here and in `method`.",
                hint=f"Put them into method.{self.method.type}.hyperparameters.",
                param="hyperparameters",
            )
        else:
            method = self.method.as_json()
        check_beta(method, "" if self.method is None else "method")
        return NewJob(
            model=self.model,
            training_file=self.training_file,
            validation_file=self.validation_file,
            suffix=self.suffix or "",
            seed=chosen_seed(self.seed),
            method=method,
            metadata=self.metadata,
        )


class SimpleBody(NullIsAbsent):
    """`POST /fine-tune`. data: a file's id, a dataset's name, or rows. name: what the model is to
    be called, besides its base's name. method: as `method.type` of the other address."""

    data: DataName | list[Json]
    model: ModelName | None = None
    validation: DataName | None = None
    name: Suffix | None = None
    method: Literal["supervised", "dpo", "kto"] = "supervised"
    hyperparameters: Hyperparameters = Field(default_factory=Hyperparameters)
    seed: Seed | None = None

    @field_validator("data", mode="before")
    @classmethod
    def _data(cls, value: object) -> object:
        """A union would complain of the kind that was not meant."""
        if not isinstance(value, str | list):
            raise ValueError("give a file's id, a dataset's name, or a list of rows")
        if isinstance(value, list):
            if not 1 <= len(value) <= MAX_INLINE_ROWS:
                raise ValueError(f"give 1 to {MAX_INLINE_ROWS:,} rows, or upload them as a file")
            if wrong := [n for n, row in enumerate(value) if not isinstance(row, dict)]:
                raise ValueError(f"row {wrong[0]} is not a JSON object")
        return value

    @field_validator("name", mode="before")
    @classmethod
    def _name(cls, value: object) -> object:
        return check_suffix(value)

    def new_job(self, model: str, training: str) -> NewJob:
        """What the store keeps. training: the file the rows were put into, or what `data` says."""
        options = MethodOptions(hyperparameters=self.hyperparameters)
        method = method_json(self.method, options)
        check_beta(method, "")
        return NewJob(
            model=model,
            training_file=data_name(training),
            validation_file=None if self.validation is None else data_name(self.validation),
            suffix=self.name or "",
            seed=chosen_seed(self.seed),
            method=method,
        )


def check_suffix(value: object) -> object:
    """Says what a name may be made of, where the pattern alone would be shown."""
    if isinstance(value, str):
        if len(value) > 64:
            raise ValueError(f"it has {len(value)} characters; the most is 64")
        if not value or not all(c.isascii() and (c.isalnum() or c in "-_") for c in value):
            raise ValueError("use letters, digits, '-' and '_' of ASCII alone")
        if not value[0].isalnum():
            raise ValueError("it must begin with a letter or a digit")
    return value


def check_beta(method: Json, place: str) -> None:
    """Raises InvalidRequestError for a `beta` that the method has no use for."""
    kind = method["type"]
    if kind == "supervised" and "beta" in method[kind]["hyperparameters"]:
        param = f"{place}.supervised.hyperparameters.beta" if place else "hyperparameters.beta"
        raise InvalidRequestError(
            f"{param}: only dpo and kto have it.", hint="Leave it out.", param=param
        )


def data_name(name: str) -> str:
    """A file's id as it is; anything else is a dataset's name."""
    return name if name.startswith(("file-", "dataset:")) else f"dataset:{name}"


def chosen_seed(seed: int | None) -> int:
    """One is drawn where none was given, as the OpenAI API does, and told in the job."""
    return secrets.randbelow(2**31) if seed is None else seed


def method_json(kind: str, options: MethodOptions) -> Json:
    """A method as it is stored."""
    return {"type": kind, kind: {"hyperparameters": options.hyperparameters.asked()}}


def job_json(job: Job) -> Json:
    """A job; what was left to us is "auto"."""
    kind = job.method["type"]
    names = OPENAI_NAMES if kind == "supervised" else (*OPENAI_NAMES, "beta")
    asked: Mapping[str, Any] = job.method[kind]["hyperparameters"]
    hyperparameters = {**dict.fromkeys(names, AUTO), **asked}
    return {
        "id": job.id,
        "object": "fine_tuning.job",
        "created_at": int(job.created_at),
        "error": job.error,
        "estimated_finish": None if job.estimated_finish is None else int(job.estimated_finish),
        "fine_tuned_model": job.fine_tuned_model,
        "finished_at": None if job.finished_at is None else int(job.finished_at),
        "hyperparameters": {name: hyperparameters[name] for name in OPENAI_NAMES},
        "integrations": [],
        "metadata": job.metadata,
        "method": {"type": kind, kind: {"hyperparameters": hyperparameters}},
        "model": job.model,
        "organization_id": job.owner,
        "result_files": list(job.result_files),
        "seed": job.seed,
        "status": job.status,
        "trained_tokens": job.trained_tokens,
        "training_file": job.training_file,
        "user_provided_suffix": job.suffix or None,
        "validation_file": job.validation_file,
    }


def forecast_json(forecast: Forecast) -> Json:
    """What a job would take; numbers that are not known are null."""
    problem = forecast.problem
    return {
        "object": "fine_tuning.preflight",
        "fits": problem is None,
        "problem": None if problem is None else {"message": problem.message, "hint": problem.hint},
        **{name: forecast.numbers.get(name) for name in FORETOLD},
        "settings": forecast.settings,
        "reasons": [{"level": level, "message": text} for level, text in forecast.reasons],
    }


def base_json(model: InstalledModel, default: str) -> Json:
    """A model that can be taught."""
    return {
        "id": model.name,
        "object": "fine_tuning.base",
        "bytes": model.bytes,
        "context": model.context,
        "default": model.name == default,
    }


def event_json(event: Event) -> Json:
    """An event of a job."""
    return {
        "id": event.id,
        "object": "fine_tuning.job.event",
        "created_at": int(event.created_at),
        "level": event.level,
        "message": event.message,
        "type": event.type,
        "data": event.data,
    }


def checkpoint_json(checkpoint: Checkpoint, job: Job, model: str) -> Json:
    """A checkpoint. model: the name the finished model has or would have; a checkpoint is there to
    go on from and is not served itself."""
    return {
        "id": checkpoint.id,
        "object": "fine_tuning.job.checkpoint",
        "created_at": int(checkpoint.created_at),
        "fine_tuned_model_checkpoint": f"{model}:ckpt-step-{checkpoint.step}",
        "fine_tuning_job_id": job.id,
        "metrics": {"step": checkpoint.step, **checkpoint.metrics},
        "samples": [dict(sample) for sample in checkpoint.samples],
        "step_number": checkpoint.step,
    }
