"""Pictures of a conversation: stored with their question, shown to who sees, kept by a transfer."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from miniclaude.chat import sight
from miniclaude.chat.turn import StartedTurn, Turns
from miniclaude.errors import InvalidRequestError, NotFoundError
from miniclaude.messages import ImagePart
from miniclaude.pictures import read_picture
from miniclaude.store import pictures as stored
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id
from miniclaude.store.messages import Messages
from miniclaude.store.pictures import NamedPicture, Pictures, StoredPicture
from miniclaude.store.transfer import export_conversation, import_conversation
from tests.chat.scripted import ScriptedProvider, Step
from tests.picture_file import PNG, encoded, make_gif, make_png

pytestmark = pytest.mark.anyio

CAT = NamedPicture("cat.png", read_picture(PNG))
DOG = NamedPicture("dog.gif", read_picture(make_gif(40, 30)))
SEEN = ImagePart("image/png", encoded(PNG))


class Eye(ScriptedProvider):
    """Sees, unless it is told to close."""

    open = True

    def sees(self, model: str) -> bool:
        return self.open


class Room:
    """A conversation of `ada`'s with somebody who sees."""

    def __init__(self, database: Database, conversation_id: str) -> None:
        self.database = database
        self.id = conversation_id
        self.eye = Eye()
        self.turns = Turns(database, self.eye.resolve, seeing=self._seeing)

    async def _seeing(self) -> list[str]:
        return ["eye/one", "eye/two"]

    async def ask(
        self,
        content: str | None = "What is it?",
        script: Sequence[Step] = ("A cat.",),
        **options: Any,
    ) -> StartedTurn:
        """A question and its whole answer."""
        self.eye.scripts.append(script)
        turn = await self.turns.start("ada", self.id, content=content, model="m", **options)
        async for _ in self.turns.events("ada", self.id, turn.turn_id):
            pass
        return turn

    @property
    def told(self) -> list[tuple[str, tuple[ImagePart, ...]]]:
        """Text and pictures of each message that the model was sent last."""
        return [(message.text, message.images) for message in self.eye.requests[-1].messages]


@pytest.fixture
async def room(database: Database) -> Room:
    return Room(database, (await Conversations(database).create("ada")).id)


async def test_a_picture_is_stored_and_shown_now_and_later(room: Room) -> None:
    turn = await room.ask(pictures=[CAT, DOG])
    dog = ImagePart("image/gif", encoded(make_gif(40, 30)))
    assert room.told == [("What is it?", (SEEN, dog))]
    await room.ask("Is it red?")
    assert room.told[0] == ("What is it?", (SEEN, dog))
    assert [images for _, images in room.told[1:]] == [(), ()]
    await room.ask(None, parent_id=turn.user_message_id)
    assert room.told == [("What is it?", (SEEN, dog))]
    [question, *_] = await Messages(room.database).tree("ada", room.id)
    assert question.pictures == (
        StoredPicture("cat.png", "image/png", 3, 2, len(PNG)),
        StoredPicture("dog.gif", "image/gif", 40, 30, 14),
    )


async def test_a_changed_question_keeps_its_pictures(room: Room) -> None:
    first = await room.ask(pictures=[CAT])
    await room.ask("And this?", parent_id=None, pictures_of=first.user_message_id, pictures=[DOG])
    [(text, images)] = room.told
    assert (text, [image.media_type for image in images]) == (
        "And this?",
        ["image/png", "image/gif"],
    )
    with pytest.raises(NotFoundError):
        await room.ask("And?", pictures_of=new_id())


async def test_who_does_not_see_is_not_asked_and_nothing_is_stored(room: Room) -> None:
    first = await room.ask(pictures=[CAT])
    room.eye.open = False
    before = await Messages(room.database).tree("ada", room.id)
    asking: list[tuple[str | None, dict[str, Any]]] = [
        ("Look", {"pictures": [CAT]}),
        ("Look", {"pictures_of": first.user_message_id}),
        (None, {"parent_id": first.user_message_id}),
    ]
    for content, options in asking:
        with pytest.raises(InvalidRequestError, match="model 'm' reads text only") as refused:
            await room.ask(content, **options)
        assert refused.value.hint == "Leave it out, or ask a model that sees: eye/one, eye/two."
        assert refused.value.param == "pictures"
    assert await Messages(room.database).tree("ada", room.id) == before
    # What was shown to another model is named: words about a picture make sense only so.
    await room.ask("Was it red?")
    assert room.told[0] == ("(A picture, not shown here: cat.png)\nWhat is it?", ())


async def test_only_the_newest_pictures_fit_into_a_request(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sight, "MAX_SHOWN_BYTES", 2 * len(PNG))
    for question in ("one", "two", "three"):
        await room.ask(question, pictures=[CAT])
    shown = {text: images for text, images in room.told if text != "A cat."}
    assert shown == {
        "(A picture, not shown here: cat.png)\none": (),
        "two": (SEEN,),
        "three": (SEEN,),
    }


async def test_a_request_has_at_most_twenty_pictures(room: Room) -> None:
    """An imported conversation may hold a hundred thousand, and a service takes a few dozen."""
    for question in ("one", "two", "three"):
        await room.ask(question, pictures=[CAT] * 8)
    shown = [(text, len(images)) for text, images in room.told if text != "A cat."]
    assert shown == [
        ("(A picture, not shown here: cat.png)\n" * 8 + "one", 0),
        ("two", 8),
        ("three", 8),
    ]


async def test_a_picture_that_was_refused_does_not_spoil_the_questions_after_it(room: Room) -> None:
    """Of a picture only the header is read. A service that finds the rest of it broken refuses the
    question, and would refuse every later one that brings the picture again."""
    broken = InvalidRequestError("eye: it could not process the image.", hint="Send another.")
    refused = await room.ask(pictures=[CAT], script=[broken])
    await room.ask("Then tell a story.")
    said = "(A picture, not shown here: cat.png)\nWhat is it?\n\nThen tell a story."
    assert room.told == [(said, ())]
    # Asked for it again, the service is shown it again: it may have been busy only.
    await room.ask(None, parent_id=refused.user_message_id)
    await room.ask("Is it red?")
    assert room.told[0] == ("What is it?", (SEEN,))


async def test_a_picture_is_shown_on_where_an_answer_had_begun(room: Room) -> None:
    """An answer that broke off later says nothing against the picture."""
    broke_off = InvalidRequestError("eye: that is no talk for here.", hint="")
    await room.ask(pictures=[CAT], script=["A c", broke_off])
    await room.ask("Go on.")
    assert room.told[0] == ("What is it?", (SEEN,))


async def test_pictures_are_bounded(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequestError, match="has 9 pictures; a question has at most 8"):
        await room.ask(pictures=[CAT] * 9)
    with pytest.raises(InvalidRequestError, match="`pictures` go with `content`"):
        await room.ask(None, pictures=[CAT])
    monkeypatch.setattr(stored, "MAX_CONVERSATION_BYTES", 2 * len(PNG))
    first = await room.ask(pictures=[CAT, CAT])
    with pytest.raises(InvalidRequestError, match="Begin a new conversation"):
        await room.ask(pictures=[CAT])
    # With those of another message too: they all go into one request.
    monkeypatch.setattr(stored, "MAX_QUESTION_BYTES", 2 * len(PNG))
    with pytest.raises(InvalidRequestError, match="together; those of a question have at most"):
        await room.ask(pictures=[CAT], pictures_of=first.user_message_id)
    assert len(await Messages(room.database).tree("ada", room.id)) == 2


async def test_a_picture_has_an_owner_and_goes_with_its_conversation(room: Room) -> None:
    turn = await room.ask(pictures=[CAT])
    pictures, where = Pictures(room.database), (room.id, turn.user_message_id)
    assert await pictures.get("ada", *where, 0) == CAT
    for owner, conversation_id, message_id, place in (
        ("eve", *where, 0),
        ("ada", new_id(), where[1], 0),
        ("ada", room.id, turn.assistant_message_id, 0),
        ("ada", *where, 1),
        ("ada", room.id, "../etc", 0),
    ):
        with pytest.raises(NotFoundError):
            await pictures.get(owner, conversation_id, message_id, place)
    await Conversations(room.database).delete("ada", room.id)
    assert await pictures.of_messages("ada", room.id, [where[1]]) == {}


async def test_an_export_holds_the_pictures_and_an_import_has_them_again(room: Room) -> None:
    await room.ask(pictures=[CAT, DOG])
    document = await export_conversation(room.database, "ada", room.id)
    assert document["messages"][0]["pictures"][0] == {
        "name": "cat.png",
        "media_type": "image/png",
        "data": encoded(PNG),
    }
    assert "pictures" not in document["messages"][1]
    copied = await import_conversation(room.database, "bob", document)
    assert await export_conversation(room.database, "bob", copied.id) == document
    [question, _] = await Messages(room.database).tree("bob", copied.id)
    assert [picture.name for picture in question.pictures] == ["cat.png", "dog.gif"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"media_type": "image/svg+xml"}, "it must be one of image/png"),
        ({"media_type": "text/html"}, "it must be one of image/png"),
        ({"data": encoded(b"<!doctype html>")}, "no picture that is taken"),
        ({"data": "A" * 5_000_004}, "larger than 3,750,000 bytes"),
        ({"data": encoded(make_png(9_000, 1))}, "each side must have"),
        ({"name": "a\x00"}, "NUL"),
        ({"name": "x" * 121}, "at most 120"),
        ({"url": "https://example.com/cat.png"}, "Extra inputs"),
    ],
)
async def test_a_document_with_something_else_for_a_picture_is_refused(
    room: Room, change: dict[str, str], told: str
) -> None:
    await room.ask(pictures=[CAT])
    wrong = copy.deepcopy(await export_conversation(room.database, "ada", room.id))
    wrong["messages"][0]["pictures"][0].update(change)
    with pytest.raises(InvalidRequestError, match=told):
        await import_conversation(room.database, "bob", wrong)
    moved = copy.deepcopy(await export_conversation(room.database, "ada", room.id))
    moved["messages"][1]["pictures"] = moved["messages"][0]["pictures"]
    with pytest.raises(InvalidRequestError, match="only questions have pictures"):
        await import_conversation(room.database, "bob", moved)
    assert not (await Conversations(room.database).list("bob")).conversations
