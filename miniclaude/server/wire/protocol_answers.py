"""What chat completions, raw completions, embeddings, files and fine-tuning jobs answer, as shapes:
for the OpenAPI document.

The routes write plain dicts; a test holds what is served to these. A field with a default is left
out where it would say nothing. Times are Unix seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel

from miniclaude.messages import FinishReason
from miniclaude.server.wire.anthropic import answer_shapes as anthropic
from miniclaude.server.wire.page_answers import Answer, TurnStreamEvent, UsageAnswer
from miniclaude.server.wire.responses import answer_shapes as responses
from miniclaude.server.wire.shared_shapes import ProtocolError, TokenChoice
from miniclaude.store.new_events import EventType, Level


class FailedStream(Answer):
    """The last event of a stream that failed on its way."""

    error: ProtocolError


class CalledFunctionAnswer(Answer):
    """A function to call. arguments: JSON text, as the model wrote it."""

    name: str
    arguments: str


class ToolCallAnswer(Answer):
    """A call that the model asks for."""

    id: str
    type: Literal["function"]
    function: CalledFunctionAnswer


class ChatMessageAnswer(Answer):
    """What the model said. content: null where it only calls tools."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    tool_calls: list[ToolCallAnswer] | None = None


class ChatLogprobs(Answer):
    """Each token of the answer with its alternatives."""

    content: list[TokenChoice]
    refusal: None


class ChatChoice(Answer):
    """One answer. logprobs: null unless asked for."""

    index: int
    message: ChatMessageAnswer
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason


class ChatCompletionAnswer(Answer):
    """A whole chat completion."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: UsageAnswer
    system_fingerprint: None


class FunctionDelta(Answer):
    """More of a call's function."""

    name: str | None = None
    arguments: str


class ToolCallDeltaAnswer(Answer):
    """More of a call. index: which of the answer's calls. id, type: where it begins."""

    index: int
    id: str | None = None
    type: Literal["function"] | None = None
    function: FunctionDelta


class ChatDelta(Answer):
    """More of an answer; nothing with its finish_reason."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    refusal: None = None
    tool_calls: list[ToolCallDeltaAnswer] | None = None


class ChatChunkChoice(Answer):
    """More of one answer. finish_reason: null until its last chunk."""

    index: int
    delta: ChatDelta
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason | None


class ChatChunk(Answer):
    """Part of a streamed chat completion. usage: only with `stream_options.include_usage`, and null
    in all chunks but the last, which has no choices."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChatChunkChoice]
    usage: UsageAnswer | None = None


class ChatEvent(RootModel[ChatChunk | FailedStream]):
    """What each `data:` line of a streamed chat completion holds, but for the last, `[DONE]`."""


class TokenColumns(Answer):
    """Log probabilities in the older shape, an entry for each token. The first token of an echoed
    prompt has no probability, and so null. text_offset: code points before it."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


class CompletionChoice(Answer):
    """One answer. logprobs: null unless asked for."""

    index: int
    text: str
    logprobs: TokenColumns | None
    finish_reason: FinishReason


class CompletionAnswer(Answer):
    """A whole raw completion."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: UsageAnswer
    system_fingerprint: None


class CompletionChunkChoice(CompletionChoice):
    """More of one answer. finish_reason: null until its last chunk."""

    finish_reason: FinishReason | None  # type: ignore[assignment]


class CompletionChunk(Answer):
    """Part of a streamed raw completion. usage: as in a chat's."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChunkChoice]
    usage: UsageAnswer | None = None


class CompletionEventAnswer(RootModel[CompletionChunk | FailedStream]):
    """What each `data:` line of a streamed raw completion holds, but for the last, `[DONE]`."""


class EmbeddingAnswer(Answer):
    """A vector: numbers, or with `encoding_format` base64 their bytes as float32."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Answer):
    """Token counts."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Answer):
    """A vector for each text."""

    object: Literal["list"]
    data: list[EmbeddingAnswer]
    model: str
    usage: EmbeddingUsage


class ListAnswer(Answer):
    """What every page of a list says. first_id, last_id: null where the page is empty."""

    object: Literal["list"]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileAnswer(Answer):
    """A file, without its bytes."""

    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: None
    filename: str
    purpose: str
    status: Literal["processed"]
    status_details: None


class FileList(ListAnswer):
    """A page of files."""

    data: list[FileAnswer]


class DeletedFile(Answer):
    """A file that is gone."""

    id: str
    object: Literal["file"]
    deleted: Literal[True]


class DeletedModel(Answer):
    """A model that is gone."""

    id: str
    object: Literal["model"]
    deleted: Literal[True]


Chosen = float | Literal["auto"]
"""`"auto"`: left to us."""


class OpenAIHyperparameters(Answer):
    """Those that the OpenAI API knows."""

    batch_size: Chosen
    learning_rate_multiplier: Chosen
    n_epochs: Chosen


class MethodOptionsAnswer(Answer):
    """All that were asked for, and those of the OpenAI API in any case."""

    hyperparameters: dict[str, bool | float | str | list[str]]


class MethodAnswer(Answer):
    """How the job learns; only the field that `type` names is there."""

    type: Literal["supervised", "dpo", "kto"]
    supervised: MethodOptionsAnswer | None = None
    dpo: MethodOptionsAnswer | None = None
    kto: MethodOptionsAnswer | None = None


class JobErrorAnswer(Answer):
    """Why a job failed."""

    code: str | None
    message: str
    param: str | None


class JobAnswer(Answer):
    """A fine-tuning job."""

    id: str
    object: Literal["fine_tuning.job"]
    created_at: int
    error: JobErrorAnswer | None
    estimated_finish: int | None
    fine_tuned_model: str | None
    finished_at: int | None
    hyperparameters: OpenAIHyperparameters
    integrations: Annotated[list[Any], Field(max_length=0)]
    metadata: dict[str, str] | None
    method: MethodAnswer
    model: str
    organization_id: str
    result_files: list[str]
    seed: int
    status: Literal[
        "validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"
    ]
    trained_tokens: int | None
    training_file: str
    user_provided_suffix: str | None
    validation_file: str | None


class JobList(ListAnswer):
    """A page of jobs."""

    data: list[JobAnswer]


class JobEventAnswer(Answer):
    """What a job has told of itself. data: numbers by name, where there are some."""

    id: str
    object: Literal["fine_tuning.job.event"]
    created_at: int
    level: Level
    message: str
    type: EventType
    data: dict[str, Any] | None


class JobEventList(ListAnswer):
    """A page of events."""

    data: list[JobEventAnswer]


class JobStreamEvent(RootModel[JobEventAnswer | FailedStream]):
    """What each `data:` line of a job's streamed events holds, but for the last, `[DONE]`."""


JOB, JOBS = JobAnswer, "/fine_tuning/jobs"
PROTOCOL_ANSWERS: dict[tuple[str, str], type[Answer]] = {
    ("post", "/chat/completions"): ChatCompletionAnswer,
    ("post", "/completions"): CompletionAnswer,
    ("post", "/embeddings"): EmbeddingList,
    ("post", "/responses"): responses.ResponseAnswer,
    ("post", "/messages"): anthropic.AnthropicMessage,
    ("post", "/messages/count_tokens"): anthropic.TokenCount,
    ("delete", "/models/{model}"): DeletedModel,
    ("get", "/files"): FileList,
    ("post", "/files"): FileAnswer,
    ("get", "/files/{file_id}"): FileAnswer,
    ("delete", "/files/{file_id}"): DeletedFile,
    ("post", "/fine-tune"): JOB,
    ("get", JOBS): JobList,
    ("post", JOBS): JOB,
    ("get", f"{JOBS}/{{job_id}}"): JOB,
    ("post", f"{JOBS}/{{job_id}}/cancel"): JOB,
    ("post", f"{JOBS}/{{job_id}}/pause"): JOB,
    ("post", f"{JOBS}/{{job_id}}/resume"): JOB,
    ("get", f"{JOBS}/{{job_id}}/events"): JobEventList,
}
"""The routes of the protocols whose answers are told in full, by method and path."""

ANTHROPIC_ANSWERS: dict[tuple[str, str], type[Answer]] = {
    ("get", "/models"): anthropic.AnthropicModelPage,
    ("get", "/models/{model}"): anthropic.AnthropicModel,
}
"""What a route answers who sends `anthropic-version`, where others get another shape."""

STREAMS: dict[tuple[str, str], type[BaseModel]] = {
    ("post", "/chat/completions"): ChatEvent,
    ("post", "/completions"): CompletionEventAnswer,
    ("post", "/responses"): responses.ResponseEvent,
    ("post", "/messages"): anthropic.AnthropicEvent,
    ("get", f"{JOBS}/{{job_id}}/events"): JobStreamEvent,
    ("get", "/conversations/{conversation_id}/turns/{turn_id}/events"): TurnStreamEvent,
}
"""What each `data:` line of a stream holds."""

DONE_LAST = {
    ("post", "/chat/completions"),
    ("post", "/completions"),
    ("get", f"{JOBS}/{{job_id}}/events"),
    ("get", "/preparations/{preparation_id}/events"),
}
"""The routes whose streams end with `data: [DONE]`."""
