"""A loaded tokenizer: text to ids and back, through the `tokenizers` library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import tokenizers

from miniclaude.errors import PayloadTooLargeError, TokenizerError
from miniclaude.tokenizer.bpe import byte_of_character, utf8
from miniclaude.tokenizer.definition import Spelling
from miniclaude.tokenizer.special_tokens import SpecialTokens
from miniclaude.tokenizer.template import ChatTemplate
from miniclaude.tokenizer.tool_format import PLAIN, ToolFormat

MAX_TEXT = 16 * 1024 * 1024
"""Characters `encode` accepts at once; more is a PayloadTooLargeError."""


NOT_PRINTED = bytes([*range(33), 127])
"""ASCII's spaces and control characters."""


class Encoded(NamedTuple):
    """Ids, and for each the half-open range of the text's characters it stands for."""

    ids: list[int]
    offsets: list[tuple[int, int]]


class Tokenizer:
    """What `load_tokenizer` returns.

    vocab_size: one more than the largest id. bos_id: begins a text, where the vocabulary has
    such a token. eos_ids: the ids that end a turn. template: how a chat is written, or None.

    strips_leading_space: whether this vocabulary puts a space before the first word of a text
    (SentencePiece's habit) and `decode` takes it away again. Whoever decodes a stream does
    the same: `decode_bytes` of a whole answer drops one leading space; of its later pieces,
    or of ids that continue a text (raw completion), join `token_bytes`, which drops nothing.
    """

    def __init__(
        self,
        library: tokenizers.Tokenizer,
        *,
        special: SpecialTokens,
        added: dict[int, str],
        spelling: Spelling,
        strips_leading_space: bool,
        bos_id: int | None,
        adds_bos: bool,
        eos_ids: tuple[int, ...],
        special_names: dict[str, str],
        template: ChatTemplate | None,
        keeps_all: bool,
    ) -> None:
        self._library = library
        self._text_of = {token_id: token for token, token_id in library.get_vocab().items()}
        self._added = added
        self._text_of.update(added)
        self._spelling = spelling
        self._special_ids = frozenset(special.ids.values())
        self._adds_bos = adds_bos
        self.special = special
        self.special_names = special_names
        self.strips_leading_space = strips_leading_space
        self.vocab_size = max(self._text_of) + 1
        self._keeps_all = keeps_all
        self.bos_id = bos_id
        self.eos_ids = eos_ids
        self.template = template

    @property
    def tool_format(self) -> ToolFormat:
        """How this model writes calls of tools. Raises ChatTemplateError when the template takes
        too long to tell."""
        if self.template is None:
            return PLAIN
        ends = [self._text_of[end] for end in self.eos_ids if end in self._text_of]
        return self.template.tool_format(self.special_names, self.special.ids.keys(), ends)

    def encode(self, text: str, *, special: bool = False) -> list[int]:
        """Text to ids, without BOS.

        special: whether the text of a special token becomes that token. False (the default,
        for all text from outside) encodes it as the ordinary characters it is made of.
        Raises InvalidRequestError on a lone surrogate, PayloadTooLargeError beyond MAX_TEXT.
        """
        return self.activated_ids(self.special.activate(text) if special else text)

    def encode_prompt(self, text: str) -> list[int]:
        """Text to ids for raw completion: with BOS where this tokenizer begins texts with it."""
        begin = [self.bos_id] if self._adds_bos and self.bos_id is not None else []
        return begin + self.encode(text)

    def least_tokens(self, text: str) -> int:
        """Tokens that a text has at least, known without making them; 0 where that is not certain.

        No token holds more than one of the vocabulary does. Only printed ASCII is counted, which no
        template trims.
        """
        if not self._keeps_all:  # it may write many characters as one unknown one
            return 0
        return _printed(text) // self._most_printed

    @cached_property
    def _most_printed(self) -> int:
        return max(1, *map(_printed, self._text_of.values()))

    def activated_ids(self, text: str) -> list[int]:
        """Ids of a text in which special tokens have their private spelling."""
        check_text(text)
        # A batch of one: `encode` would stop all other threads, and so the server, meanwhile.
        [encoding] = self._library.encode_batch_fast([text], add_special_tokens=False)
        ids: list[int] = encoding.ids
        return ids

    def encode_activated(self, texts: Sequence[str]) -> list[Encoded]:
        """Ids and offsets of texts in which special tokens have their private spelling; each
        has passed `check_text`."""
        encodings = self._library.encode_batch(texts, add_special_tokens=False)
        return [Encoded(encoding.ids, encoding.offsets) for encoding in encodings]

    def decode(self, ids: Iterable[int], *, skip_special: bool = True) -> str:
        """Ids to text; bytes that are not UTF-8 become U+FFFD."""
        return self.decode_bytes(ids, skip_special=skip_special).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int], *, skip_special: bool = True) -> bytes:
        """The UTF-8 of a whole text: the tokens' bytes, less the leading space, if any, that
        the vocabulary itself puts before a text."""
        kept = [i for i in ids if not (skip_special and self.is_special(i))]
        text = b"".join(map(self.token_bytes, kept))
        if self.strips_leading_space and text.startswith(b" "):
            return text[1:]
        return text

    def token_text(self, token_id: int) -> str:
        """The token as people read it: its bytes as text, U+FFFD where they are no character."""
        return self.token_bytes(token_id).decode("utf-8", errors="replace")

    def token_bytes(self, token_id: int) -> bytes:
        """Exactly the bytes this token adds to a text; a special token's are its name.

        An id without a token (models pad their vocabulary) has no bytes.
        """
        token = self._text_of.get(token_id, "")
        if token_id in self._added:
            return token.encode("utf-8")
        if self._spelling == "metaspace":
            if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
                return bytes([int(token[3:5], 16)])
            return token.replace("▁", " ").encode("utf-8")
        byte_of = byte_of_character()
        return bytes(byte_of[character] for character in token)

    def is_special(self, token_id: int) -> bool:
        """Whether the id is a special token: never shown, never written by ordinary text."""
        return token_id in self._special_ids


def _printed(text: str) -> int:
    """How many characters of printed ASCII a text has; a byte-level token has them as they are."""
    return len(text.encode("ascii", "ignore").translate(None, NOT_PRINTED))


def check_text(text: str) -> None:
    """Raise what `encode` documents."""
    if len(text) > MAX_TEXT:
        raise PayloadTooLargeError(
            f"The text has {len(text):,} characters; at most {MAX_TEXT:,} are encoded at once.",
            hint="Send less text.",
        )
    utf8(text)  # the library reports a lone surrogate as a TypeError


def check_vocabulary(tokenizer: Tokenizer, model_vocab_size: int, folder: Path) -> None:
    """Raise TokenizerError when the tokenizer has ids that the model has no embedding for.

    The reverse is common and harmless: models pad their embedding to a round size.
    """
    if tokenizer.vocab_size > model_vocab_size:
        raise TokenizerError(
            f"The tokenizer in {folder} has {tokenizer.vocab_size:,} tokens, but the model "
            f"embeds only {model_vocab_size:,}.",
            hint="The folder mixes two models; pull it again.",
        )
