"""Special tokens, kept apart from text that merely looks like one.

Whoever can write `<|im_end|>` in a message and have it become the token of that name can end
their own turn and speak as the assistant. Here a special token is matched by a *private
spelling* only: a few random characters from Unicode's private-use planes, drawn anew for each
tokenizer. Text from outside cannot contain it, so only this room can write a special token,
and everything is still encoded in one pass, as the token ids of other implementations require.

    text of a user        hide()      stand-ins, so that a template cannot tell them from words
    a template's output   activate()  its special tokens → private spellings, stand-ins → text
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import TypeVar

Json = TypeVar("Json")

_PLANE_15 = 0xF0000
_PLANE_16 = 0x100000
_PLANE_SIZE = 0xFFFE


class SpecialTokens:
    """The special tokens of one vocabulary: text ↔ id ↔ private spelling."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        self.ids = dict(ids)
        longest_first = sorted(self.ids, key=len, reverse=True)
        self._texts = {chr(_PLANE_15 + n): text for n, text in enumerate(longest_first)}
        codes = {text: code for code, text in self._texts.items()}
        spelled, hidden = _nonce(), _nonce()
        self._spelling = {text: spelled + code for text, code in codes.items()}
        self._stand_in = {text: hidden + code for text, code in codes.items()}
        # An empty alternation would match everywhere; `(?!)` matches nowhere.
        self._as_text = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._as_spelling = re.compile(f"{spelled}(.)")
        self._as_leading = re.compile(rf"\s*{spelled}.")
        self._as_stand_in = re.compile(f"{hidden}(.)")

    def spelling(self, text: str) -> str:
        """The private spelling of special token `text`."""
        return self._spelling[text]

    def hide(self, value: Json) -> Json:
        """`value` (JSON) with every special token's text replaced by a stand-in, keys too."""
        hidden: object = value
        if isinstance(value, str):
            hidden = self._as_text.sub(lambda match: self._stand_in[match[0]], value)
        elif isinstance(value, dict):
            hidden = {self.hide(key): self.hide(item) for key, item in value.items()}
        elif isinstance(value, list | tuple):
            hidden = [self.hide(item) for item in value]
        return hidden  # type: ignore[return-value]  # JSON in, the same kind of JSON out

    def activate(self, text: str) -> str:
        """Special tokens in `text` → private spellings; then stand-ins → the text they hide."""
        text = self._as_text.sub(lambda match: self._spelling[match[0]], text)
        return self._as_stand_in.sub(lambda match: self._texts[match[1]], text)

    def end_of_last(self, text: str) -> int | None:
        """Where the last special token of an activated text ends; None when it has none."""
        ends = [match.end() for match in self._as_spelling.finditer(text)]
        return ends[-1] if ends else None

    def end_of_leading(self, text: str) -> int:
        """Where the special token ends with which an activated text begins, spaces aside; 0
        when it begins with none."""
        match = self._as_leading.match(text)
        return match.end() if match else 0


def _nonce() -> str:
    """Six random private-use characters, 96 bits; never the first of their plane."""
    return "".join(chr(_PLANE_16 + 1 + secrets.randbelow(_PLANE_SIZE - 1)) for _ in range(6))
