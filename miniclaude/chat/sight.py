"""Pictures of a conversation on their way to a model: whether it sees, and which it gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import pairwise

from miniclaude.messages import ImagePart
from miniclaude.providers.abilities import Sees
from miniclaude.providers.base import Provider
from miniclaude.providers.seeing import blind
from miniclaude.store.conversations import Conversations, Unset
from miniclaude.store.database import Database
from miniclaude.store.messages import StoredMessage
from miniclaude.store.pictures import MAX_QUESTION_BYTES, Pictures

MAX_SHOWN_BYTES = MAX_QUESTION_BYTES
"""Of one request's pictures: at least those of the newest question must go into it."""
MAX_SHOWN = 20
"""Pictures of one request: from there on services bound the sides of each more tightly."""

Seeing = Callable[[], Awaitable[Sequence[str]]]


class Sight:
    """seeing: the models that take pictures, by name."""

    def __init__(self, database: Database, seeing: Seeing | None) -> None:
        self._conversations = Conversations(database)
        self._pictures = Pictures(database)
        self._seeing = seeing

    async def require(
        self,
        owner: str,
        conversation_id: str,
        model: str,
        *,
        sees: bool,
        given: bool,
        message_id: str | Unset | None,
    ) -> None:
        """Refuse a question with pictures that a model could not see, before it is stored.

        model: by its full name. given: whether pictures come with it. message_id: a message whose
        pictures it has; UNSET is the conversation's head. Raises InvalidRequestError,
        NotFoundError.
        """
        if sees:
            return
        if not given:
            if isinstance(message_id, Unset):
                message_id = (await self._conversations.get(owner, conversation_id)).head_id
            if message_id is None:
                return
            if not await self._pictures.there(owner, conversation_id, message_id):
                return
        raise blind(model, "pictures", [] if self._seeing is None else await self._seeing())

    async def shown(
        self, owner: str, conversation_id: str, branch: Sequence[StoredMessage], *, sees: bool
    ) -> Mapping[str, Sequence[ImagePart]]:
        """The newest pictures of a branch, as many as go into one request, by their message; none
        for a model that does not see.

        Those of an earlier question that failed are not among them: a picture that a service
        cannot read would have it refuse every later question too.
        """
        failed = _failed(branch)
        wanted: list[str] = []
        bytes_left, left = MAX_SHOWN_BYTES, MAX_SHOWN
        for message in reversed(branch) if sees else ():
            if not message.pictures or message.id in failed:
                continue
            bytes_left -= sum(picture.bytes for picture in message.pictures)
            left -= len(message.pictures)
            if min(bytes_left, left) < 0 and wanted:
                break
            wanted.append(message.id)
        if not wanted:
            return {}
        found = await self._pictures.of_messages(owner, conversation_id, wanted)
        return {
            id: [ImagePart(one.picture.media_type, one.picture.base64) for one in pictures]
            for id, pictures in found.items()
        }


def _failed(branch: Sequence[StoredMessage]) -> set[str]:
    """Questions whose answers on this branch ended in an error before they had begun."""
    return {
        question.id
        for question, answer in pairwise(branch)
        if answer.status == "error" and not answer.content.strip() and not answer.steps
    }


def can_see(provider: Provider, model: str) -> bool:
    """Whether a provider's model takes pictures. model: by its bare name."""
    return isinstance(provider, Sees) and provider.sees(model)
