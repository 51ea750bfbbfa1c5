"""What the page's own routes answer, as shapes: for the OpenAPI document and the page's types.

The routes write plain dicts; a test holds what is served to these. Times are Unix seconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from miniclaude.chat.tool_loop import StepStatus
from miniclaude.messages import FinishReason, Role
from miniclaude.server.wire.conversations import TurnSettings
from miniclaude.store.messages import Status
from miniclaude.store.ratings import Reason, Thumb


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
    result: str
    offset: int


class RatingAnswer(Answer):
    """What a person thinks of an answer. correction: their better one, kept beside it."""

    thumb: Thumb | None
    reason: Reason | None
    note: str
    correction: str | None
    created_at: float
    updated_at: float


class PictureAnswer(Answer):
    """A picture that went with a question. name: its file's. width, height: pixels. bytes: how
    many."""

    name: str
    media_type: str
    width: int
    height: int
    bytes: int


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
    pictures: list[PictureAnswer]
    rating: RatingAnswer | None
    turn_id: str | None


class ConversationAnswer(Answer):
    """A conversation without its messages. title: "" until somebody names it. folder: "" outside
    of all."""

    id: str
    title: str
    pinned: bool
    archived: bool
    folder: str
    head_id: str | None
    created_at: float
    updated_at: float


Places = list[tuple[int, int]]
"""First code point and the one after the last."""


class MatchAnswer(Answer):
    """Why a search found a conversation. title: places in its title. message_id: the newest message
    with all the words, text: part of it; both null where only the title has them."""

    title: Places
    message_id: str | None
    text: str | None
    places: Places


class ListedConversation(ConversationAnswer):
    """A conversation of the list. match: there only when it was searched for."""

    match: MatchAnswer | None = None


class FolderAnswer(Answer):
    """A folder. conversations: how many it holds."""

    name: str
    conversations: int


class FolderList(Answer):
    """The folders that hold something, by name."""

    data: list[FolderAnswer]


class WholeConversation(ConversationAnswer):
    """A conversation with its whole tree of messages, parents first. settings: how the page has
    answers drawn here; what is absent is left to the model."""

    settings: TurnSettings
    messages: list[MessageAnswer]


class ConversationPage(Answer):
    """A page of the list. next_before: what to ask for as `before` to get the next one."""

    data: list[ListedConversation]
    has_more: bool
    next_before: str | None


class StartedTurnAnswer(Answer):
    """A turn that has begun. offset: code points that its answer has already."""

    turn_id: str
    user_message_id: str
    assistant_message_id: str
    offset: int


class TurnIdAnswer(Answer):
    """A turn that has been told to stop."""

    turn_id: str


class CallIdAnswer(Answer):
    """A call of a tool that has been decided."""

    call_id: str


class PresetAnswer(Answer):
    """Settings for answers under a name."""

    id: str
    name: str
    settings: TurnSettings
    created_at: float


class PresetList(Answer):
    """All presets, by name."""

    object: Literal["list"]
    data: list[PresetAnswer]


class ToolAnswer(Answer):
    """A tool that answers may call."""

    name: str
    description: str


class ToolList(Answer):
    """All tools that there are."""

    object: Literal["list"]
    data: list[ToolAnswer]


class ModelHere(Answer):
    """What a model takes of this machine: null where it runs elsewhere. bytes: of its files, of an
    adapter its own alone. continues: whether it goes on with an answer that was cut off. sees:
    whether it takes pictures."""

    bytes: int | None
    parameters: int | None
    adapter: bool
    continues: bool
    sees: bool


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
    mini_claude: ModelHere


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


class Alternative(Answer):
    """A token that could have come. logprob: natural logarithm of its probability."""

    token: str
    logprob: float


class TokenAnswer(Alternative):
    """The token that came. offset: code points of the answer before it. top: the likeliest."""

    offset: int
    top: list[Alternative]


class LogprobsEvent(Answer):
    """What the model weighed at its next tokens. number: how many tokens were told before."""

    type: Literal["logprobs"]
    number: int
    tokens: list[TokenAnswer]


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


TurnEvent = Annotated[
    DeltaEvent | ToolEvent | LogprobsEvent | DoneEvent | ErrorEvent, Field(discriminator="type")
]


class TurnEventAnswer(Answer):
    """What each `data:` line of a turn's stream holds, as its field `event`."""

    event: TurnEvent


class TurnStreamEvent(RootModel[TurnEvent]):
    """What each `data:` line of a turn's stream holds."""


ANSWERS: dict[tuple[str, str], type[Answer]] = {
    ("get", "/conversations"): ConversationPage,
    ("post", "/conversations"): ConversationAnswer,
    ("get", "/conversations/folders"): FolderList,
    ("get", "/conversations/{conversation_id}"): WholeConversation,
    ("patch", "/conversations/{conversation_id}"): ConversationAnswer,
    ("post", "/conversations/{conversation_id}/turns"): StartedTurnAnswer,
    ("post", "/conversations/{conversation_id}/turns/{turn_id}/cancel"): TurnIdAnswer,
    ("post", "/conversations/{conversation_id}/turns/{turn_id}/tools/{call_id}"): CallIdAnswer,
    ("put", "/conversations/{conversation_id}/messages/{message_id}/rating"): RatingAnswer,
    ("get", "/presets"): PresetList,
    ("post", "/presets"): PresetAnswer,
    ("get", "/tools"): ToolList,
    ("get", "/models"): ModelList,
    ("get", "/models/{model}"): ModelAnswer,
}
"""The routes whose answers are told in full, by method and path."""
