"""What the page's own routes answer, as shapes: for the OpenAPI document and the page's types.

The routes write plain dicts; a test holds what is served to these. Times are Unix seconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from miniclaude.chat.tool_loop import StepStatus
from miniclaude.messages import FinishReason, Role
from miniclaude.store.messages import Status


class Answer(BaseModel):
    """Base of every shape: nothing is missing, nothing else is there."""

    model_config = ConfigDict(strict=True, extra="forbid")


class CachedTokens(Answer):
    """How many of the prompt's tokens were already known."""

    cached_tokens: int


class UsageAnswer(Answer):
    """Token counts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: CachedTokens


class ErrorAnswer(Answer):
    """What is wrong, and what to do."""

    message: str
    hint: str | None = None
    type: str | None = None
    param: str | None = None
    code: str | None = None


class StepAnswer(Answer):
    """A call of a tool. offset: where in the answer, in code points."""

    id: str
    name: str
    arguments: str
    status: StepStatus
    result: str | None
    offset: int


class MessageAnswer(Answer):
    """A message of the tree. turn_id: only while its turn can be watched."""

    id: str
    parent_id: str | None
    role: Role
    content: str
    status: Status
    model: str | None
    created_at: float
    usage: UsageAnswer | None
    finish_reason: FinishReason | None
    error: ErrorAnswer | None
    steps: list[StepAnswer]
    turn_id: str | None


class ConversationAnswer(Answer):
    """A conversation without its messages. title: "" until somebody names it."""

    id: str
    title: str
    pinned: bool
    archived: bool
    head_id: str | None
    created_at: float
    updated_at: float


class WholeConversation(ConversationAnswer):
    """A conversation with its whole tree of messages, parents first."""

    messages: list[MessageAnswer]


class ConversationPage(Answer):
    """A page of the list. next_before: what to ask for as `before` to get the next one."""

    data: list[ConversationAnswer]
    has_more: bool
    next_before: str | None


class StartedTurnAnswer(Answer):
    """A turn that has begun."""

    turn_id: str
    user_message_id: str
    assistant_message_id: str


class TurnIdAnswer(Answer):
    """A turn that has been told to stop."""

    turn_id: str


class CallIdAnswer(Answer):
    """A call of a tool that has been decided."""

    call_id: str


class ModelAnswer(Answer):
    """A model. root, parent: what a tuned model came from. context: tokens, 0 when unknown."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    root: str
    parent: str | None
    context: int
    default: bool


class ModelList(Answer):
    """Every model on offer."""

    object: Literal["list"]
    data: list[ModelAnswer]


class DeltaEvent(Answer):
    """More of the answer. offset: its length in code points after this."""

    type: Literal["delta"]
    text: str
    offset: int


class ToolEvent(StepAnswer):
    """A call of a tool, told anew whenever it changes. number: its place among the calls."""

    type: Literal["tool"]
    number: int


class DoneEvent(Answer):
    """The answer is as long as it will be."""

    type: Literal["done"]
    status: Literal["complete", "cancelled", "interrupted"]
    finish_reason: FinishReason | None
    usage: UsageAnswer | None


class ErrorEvent(Answer):
    """The answer ended in an error."""

    type: Literal["error"]
    error: ErrorAnswer


class TurnEventAnswer(Answer):
    """What each `data:` line of a turn's stream holds, as its field `event`."""

    event: Annotated[DeltaEvent | ToolEvent | DoneEvent | ErrorEvent, Field(discriminator="type")]


ANSWERS: dict[tuple[str, str], type[Answer]] = {
    ("get", "/conversations"): ConversationPage,
    ("post", "/conversations"): ConversationAnswer,
    ("get", "/conversations/{conversation_id}"): WholeConversation,
    ("patch", "/conversations/{conversation_id}"): ConversationAnswer,
    ("post", "/conversations/{conversation_id}/turns"): StartedTurnAnswer,
    ("post", "/conversations/{conversation_id}/turns/{turn_id}/cancel"): TurnIdAnswer,
    ("post", "/conversations/{conversation_id}/turns/{turn_id}/tools/{call_id}"): CallIdAnswer,
    ("get", "/models"): ModelList,
    ("get", "/models/{model}"): ModelAnswer,
}
"""The routes whose answers are told in full, by method and path."""
