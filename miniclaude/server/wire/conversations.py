"""Conversations, their messages and their turns, as the page sends and reads them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from miniclaude.chat.events import TurnDelta, TurnDone, TurnEvent, TurnLogprobs, step_json
from miniclaude.chat.tool_loop import ToolStep
from miniclaude.chat.turn import StartedTurn
from miniclaude.pictures import read_data_url
from miniclaude.providers.base import Settings
from miniclaude.server.wire.answers import usage_json
from miniclaude.server.wire.feedback import rating_json
from miniclaude.server.wire.messages import DataUrl
from miniclaude.server.wire.sampling import Count, ModelName, SamplingFields
from miniclaude.server.wire.validation import NullIsAbsent, StrictBody
from miniclaude.store.conversations import MAX_FOLDER, MAX_TITLE, Conversation
from miniclaude.store.messages import StoredMessage
from miniclaude.store.pictures import MAX_NAME, MAX_PICTURES, NamedPicture
from miniclaude.store.ratings import Rating
from miniclaude.store.search import Match
from miniclaude.store.text import check_text

Json = dict[str, Any]
Title = Annotated[str, StringConstraints(max_length=MAX_TITLE)]
Folder = Annotated[str, StringConstraints(max_length=MAX_FOLDER)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
ToolName = Annotated[str, StringConstraints(min_length=1, max_length=64)]

MAX_OFFSET = 2**31
MAX_ALTERNATIVES = 5


class NewConversation(NullIsAbsent):
    """title: absent, the first message gives one."""

    title: Title = ""


class TurnSettings(SamplingFields):
    """How the answer is drawn. system: an instruction sent first, before the conversation. tools:
    those it may call; absent, those that suit the question, where the model knows how to.
    ask_leave: whether each call waits to be allowed. logprobs: how many alternatives to each token
    are told to those who watch the turn; absent, no probabilities are."""

    max_tokens: Count | None = None
    system: Annotated[str, StringConstraints(max_length=100_000)] | None = None
    tools: Annotated[list[ToolName], Field(max_length=64)] | None = None
    ask_leave: bool = False
    logprobs: Annotated[int, Field(ge=0, le=MAX_ALTERNATIVES)] | None = None

    def provider_settings(self) -> Settings:
        """As the providers know them."""
        return self.settings(self.max_tokens, self.logprobs)

    def given(self) -> Json:
        """The fields that were sent, as they are stored."""
        return self.model_dump(mode="json", exclude_unset=True)


class ConversationChange(StrictBody):
    """What is absent stays as it is. head_id: null points at nothing. settings: how the page draws
    answers here, whole; null leaves all to the model. folder: "" is outside of all."""

    title: Title = ""
    pinned: bool = False
    archived: bool = False
    folder: Folder = ""
    head_id: Id | None = None
    settings: TurnSettings | None = None

    def changes(self) -> Json:
        """The fields that were sent."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        if self.settings is not None:
            sent["settings"] = self.settings.given() or None
        return sent


class Leave(StrictBody):
    """allow: whether the call may be run."""

    allow: bool


class NewPicture(StrictBody):
    """A picture that goes with a question. name: its file's. url: the whole of it, as `data:`."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
    url: DataUrl

    def named(self) -> NamedPicture:
        """As it is stored."""
        return NamedPicture(check_text(self.name, "pictures"), read_data_url(self.url))


class NewTurn(StrictBody):
    """content: absent or null, the user message `parent_id` is answered again. pictures: what goes
    with it. pictures_of: a message whose pictures go with it again, before the others. parent_id:
    absent, the conversation's head; null, a new root. continue_id: an answer that was cut off goes
    on in its place, and there is neither content nor parent_id. model: absent, the default one."""

    content: Annotated[str, StringConstraints(max_length=4_000_000)] | None = None
    pictures: list[NewPicture] = Field(default_factory=list, max_length=MAX_PICTURES)
    pictures_of: Id | None = None
    parent_id: Id | None = None
    continue_id: Id | None = None
    model: ModelName | None = None
    settings: TurnSettings = Field(default_factory=TurnSettings)


def conversation_json(conversation: Conversation) -> Json:
    """A conversation without its messages. Times are Unix seconds."""
    return {
        "id": conversation.id,
        "title": conversation.title,
        "pinned": conversation.pinned,
        "archived": conversation.archived,
        "folder": conversation.folder,
        "head_id": conversation.head_id,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
    }


def match_json(match: Match) -> Json:
    """Why a search found a conversation. Places are pairs of code points: first and after the
    last."""
    return {
        "title": match.title,
        "message_id": match.message_id,
        "text": match.snippet.text if match.snippet else None,
        "places": match.snippet.places if match.snippet else [],
    }


def message_json(message: StoredMessage, rating: Rating | None = None) -> Json:
    """One message of the tree; `turn_id` only while its turn can be watched."""
    return {
        "id": message.id,
        "parent_id": message.parent_id,
        "role": message.role,
        "content": message.content,
        "status": message.status,
        "model": message.model,
        "created_at": message.created_at,
        "usage": None if message.usage is None else usage_json(message.usage),
        "finish_reason": message.finish_reason,
        "error": message.error,
        "steps": message.steps or [],
        "pictures": [asdict(picture) for picture in message.pictures],
        "rating": None if rating is None else rating_json(rating),
        "turn_id": message.turn_id if message.status == "streaming" else None,
    }


def started_json(started: StartedTurn) -> Json:
    """The ids of a turn that has begun; offset: code points that its answer has already."""
    return {
        "turn_id": started.turn_id,
        "user_message_id": started.user_message_id,
        "assistant_message_id": started.assistant_message_id,
        "offset": started.offset,
    }


def turn_event_json(event: TurnEvent) -> Json:
    """What a watcher of a turn is sent."""
    if isinstance(event, TurnDelta):
        return {"type": "delta", "text": event.text, "offset": event.offset}
    if isinstance(event, TurnLogprobs):
        tokens = [
            {
                "offset": token.offset,
                "token": token.text,
                "logprob": token.logprob,
                "top": [{"token": text, "logprob": logprob} for text, logprob in token.top],
            }
            for token in event.tokens
        ]
        return {"type": "logprobs", "number": event.number, "tokens": tokens}
    if isinstance(event, ToolStep):
        return {"type": "tool", "number": event.number, **step_json(event)}
    if isinstance(event, TurnDone):
        return {
            "type": "done",
            "status": event.status,
            "finish_reason": event.finish_reason,
            "usage": None if event.usage is None else usage_json(event.usage),
        }
    return {"type": "error", "error": event.error}
