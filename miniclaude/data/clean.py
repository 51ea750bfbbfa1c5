"""Cleaning: the stage that repairs every text and rejects the rows not worth learning from; and
the stricter `tidy` for models with a small vocabulary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from miniclaude.data.answers import (
    ECHO_SLACK,
    LOOP_CHARACTERS,
    echoes,
    is_boilerplate,
    is_truncated,
    loops,
)
from miniclaude.data.example import Example, to_row
from miniclaude.data.formats import Document
from miniclaude.data.rejection import Item, Rejection, shown
from miniclaude.data.repair import MARKUP_TALK, REPAIRS, needed
from miniclaude.data.texts import SEPARATOR, map_texts, text_of, texts_of
from miniclaude.messages import Message, TextPart

BROKEN = re.compile("[\ufffd\ud800-\udfff]")
"""What is left of bytes that could not be read: the replacement character, half a character."""


class Fault(NamedTuple):
    """What is wrong with a row. error: its name. message: what, with the number of the message."""

    error: str
    message: str


CURES = {
    "broken_encoding": "Convert the file to UTF-8 from the encoding it was written in.",
    "empty_answer": "Write the answer, or remove the row.",
    "empty_text": "Write the text, or remove the row.",
    "echoing_answer": "Write an answer that says something new, or remove the row.",
    "boilerplate_answer": "Write what the answer was to say, or remove the row.",
    "truncated_answer": "Write the answer's end, or remove the row.",
    "repetitive_answer": "Cut the answer before it repeats itself, or remove the row.",
    "same_answers": "Give a preference two different answers, or remove the row.",
}


class Cleaning:
    """The stage: repairs every text, then rejects rows that are not worth learning from.

    A row is looked at as one text first; its messages are repaired one by one only where something
    may be wrong with it.
    """

    name = "clean"

    def __init__(self) -> None:
        self._rows = 0
        self._changed = 0
        self._repairs: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()

    def run(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, each repaired or rejected."""
        for item in items:
            yield self.judge(item) if isinstance(item, Example) else item

    def judge(self, example: Example) -> Item:
        """The example with its texts repaired, or why it is rejected."""
        self._rows += 1
        texts = texts_of(example)
        row = SEPARATOR.join(texts)
        repairs = needed(texts)
        if repairs:
            repaired = self._repair(example, row, repairs)
            self._changed += repaired is not example
            example = repaired
        found = fault(example, row)
        if found is None:
            return example
        self._rejected[found.error] += 1
        cure = CURES[found.error]
        return Rejection(example.place, found.error, found.message, cure, shown(to_row(example)))

    def _repair(self, example: Example, row: str, repairs: list[str]) -> Example:
        if "markup" in repairs and MARKUP_TALK.search(row):
            repairs.remove("markup")
        data = [name for name in repairs if name not in ("markup", "white space")]

        def text(before: str) -> str:
            return self._made(before, repairs)

        return map_texts(example, text, data=lambda before: self._made(before, data))

    def _made(self, before: str, names: Sequence[str]) -> str:
        for name in names:
            after = REPAIRS[name](before)
            if after != before:
                self._repairs[name] += 1
                before = after
        return before

    def evened(self, texts: int) -> None:
        """Of one row so many texts had nothing but white space to even, which was done."""
        self._rows += 1
        self._changed += 1
        self._repairs["white space"] += texts

    def passed(self, rows: int) -> None:
        """So many rows were seen to need nothing (`row_scan.py`): they are only counted."""
        self._rows += rows

    def report(self) -> dict[str, object]:
        """Counts of rows, of texts by repair and of rejected rows by error."""
        return {
            "rows": self._rows,
            "changed": self._changed,
            "repairs": dict(self._repairs),
            "rejected": dict(self._rejected),
        }


def fault(example: Example, row: str) -> Fault | None:
    """What is wrong with a repaired example, if anything. row: its texts as they came, joined."""
    if not row.isascii() and (broken := BROKEN.search(row)):
        near = row[max(0, broken.start() - 20) : broken.end() + 20].strip(SEPARATOR)
        return Fault("broken_encoding", f"Bytes could not be read as characters near {near!a}.")
    if example.chosen:
        return _preference_fault(example)
    if not example.messages:
        return _text_fault(example.text)
    question = ""
    # The worse answers of KTO may be as bad as they like.
    careful = example.desirable is not False
    last = len(example.messages) - 1
    for index, message in enumerate(example.messages):
        if message.role == "assistant":
            if index not in example.unlearned:
                answer = text_of(message)
                where = f"messages[{index}]"
                if not answer:
                    if not message.tool_calls:
                        return Fault("empty_answer", f"{where}, of the assistant, is empty.")
                elif careful:
                    found = answer_fault(question, answer, where, whole=index == last)
                    if found is not None:
                        return found
        elif message.role == "user":
            question = text_of(message)
    return None


def answer_fault(question: str, answer: str, where: str, *, whole: bool) -> Fault | None:
    """What is wrong with one answer. whole: judge how it ends and what it is made of, too; answers
    in the middle of a conversation may be short and open."""
    if len(answer) > LOOP_CHARACTERS and loops(answer):
        return Fault("repetitive_answer", f"{where} repeats {answer[-40:]!r} to its end.")
    if abs(len(question) - len(answer)) <= ECHO_SLACK and echoes(question, answer):
        return Fault("echoing_answer", f"{where} only repeats the question: {answer[:80]!r}.")
    if whole and is_boilerplate(answer):
        return Fault("boilerplate_answer", f"{where} says nothing else: {answer[:80]!r}.")
    if whole and is_truncated(answer):
        return Fault("truncated_answer", f"{where} stops in the middle: {answer[-40:]!r}.")
    return None


def _preference_fault(example: Example) -> Fault | None:
    for name, answers in (("chosen", example.chosen), ("rejected", example.rejected)):
        if not any(message.text or message.tool_calls for message in answers):
            return Fault("empty_answer", f"{name} is empty.")
    if example.chosen == example.rejected:
        return Fault("same_answers", "chosen and rejected are the same.")
    question = next((m.text for m in reversed(example.messages) if m.role == "user"), "")
    # The rejected answer may be as bad as it likes.
    return answer_fault(question, example.chosen[-1].text, "chosen", whole=True)


def _text_fault(text: str) -> Fault | None:
    if not text:
        return Fault("empty_text", "The text is empty.")
    return Fault("repetitive_answer", f"The text repeats {text[-40:]!r}.") if loops(text) else None


PLAIN = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2026": "...",
        "\u2013": "-",
        "\u2014": " - ",
        "\u00a0": " ",
        "\u200b": "",
        "\ufeff": "",
        "\t": " ",
        "\r": "",
    }
)
"""Typographic marks that a small vocabulary does better without."""

SPACES = re.compile(" {2,}")
LINE_ENDS = re.compile(r" *\n *")
BLANK_LINES = re.compile(r"\n{3,}")
SINGLE_LINE_END = re.compile(r"(?<!\n)\n(?!\n)")


def tidy(text: str) -> str:
    """Straight quotes and plain dashes, no doubled spaces, at most one blank line."""
    text = SPACES.sub(" ", text.translate(PLAIN))
    text = BLANK_LINES.sub("\n\n", LINE_ENDS.sub("\n", text))
    return text.strip()


def unwrap(text: str) -> str:
    """Join lines that were broken to fit a page; blank lines still part paragraphs."""
    return SINGLE_LINE_END.sub(" ", text)


def tidy_document(document: Document, *, unwrapped: bool = False) -> Document:
    """`tidy` every text of a document; `unwrapped` joins the lines of a plain one first."""
    if isinstance(document, str):
        return tidy(unwrap(document) if unwrapped else document)
    return tuple(_tidy_message(message) for message in document)


def _tidy_message(message: Message) -> Message:
    return replace(message, parts=(TextPart(tidy(message.text)),))


def is_conversation(messages: tuple[Message, ...]) -> bool:
    """Whether user and assistant speak in turn, the user first, and nobody is silent; one system
    message may stand before them."""
    turns = messages[1:] if messages and messages[0].role == "system" else messages
    expected = ("user", "assistant")
    return len(turns) >= 2 and all(
        message.role == expected[index % 2] and message.text for index, message in enumerate(turns)
    )


def join_turns(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """One message for each run of messages by the same speaker."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            text = f"{joined[-1].text} {message.text}"
            joined[-1] = replace(joined[-1], parts=(TextPart(text),))
        else:
            joined.append(message)
    return tuple(joined)
