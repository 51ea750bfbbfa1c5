"""Byte-level byte-pair encoding, written to be read: training, encoding, decoding, saving.

Text becomes UTF-8 bytes, so every string can be encoded and there is no unknown token. A word's
bytes are joined pair by pair, the pair learnt first being joined first (Sennrich et al. 2016;
bytes as the alphabet: Radford et al. 2019, GPT-2). `load.py` does the same through the
`tokenizers` library, much faster; the tests hold the two to the same ids.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import regex

from miniclaude.errors import InvalidRequestError, TokenizerError

SPLIT = regex.compile(
    r"'(?:[sdmt]|ll|ve|re)"  # English contractions: it's, don't, they've
    r"| ?\p{L}+"  # letters, with the space before them
    r"| ?\p{N}+"  # digits, with the space before them
    r"| ?[^\s\p{L}\p{N}]+"  # punctuation and symbols, with the space before them
    r"|\s+(?!\S)"  # whitespace, but for the last character, which goes with what follows
    r"|\s+"
)
"""GPT-2's rule for cutting text into words; no merge crosses a cut."""

DIGIT = regex.compile(r"\p{N}")

Pair = tuple[int, int]
Symbol = TypeVar("Symbol", int, str)


@cache
def byte_alphabet() -> dict[int, str]:
    """A printable character for each of the 256 bytes, as GPT-2 chose them.

    Printable Latin-1 bytes stand for themselves; the others (controls, space, …) take the
    characters from U+0100 on, in order. Thus vocabularies can be stored as JSON text.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)]
    printable += range(ord("®"), ord("ÿ") + 1)
    alphabet = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in alphabet:
            alphabet[byte] = chr(256 + len(alphabet) - len(printable))
    return alphabet


@cache
def byte_of_character() -> dict[str, int]:
    """The inverse of `byte_alphabet`."""
    return {character: byte for byte, character in byte_alphabet().items()}


def utf8(text: str) -> bytes:
    """The text's UTF-8; InvalidRequestError on a lone surrogate, which UTF-8 cannot express."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidRequestError(
            f"The text has a lone surrogate (U+{ord(text[error.start]):04X}), half of a character.",
            hint="Send well-formed Unicode text.",
        ) from error


def spell(word: str) -> str:
    """The word's UTF-8 bytes, one character of the byte alphabet each."""
    alphabet = byte_alphabet()
    return "".join(alphabet[byte] for byte in utf8(word))


class BPE:
    """A trained byte-level vocabulary.

    vocab: token → id; tokens are written in the byte alphabet, special tokens as they are.
    merges: pairs of tokens to join, the first learnt first.
    special_tokens: tokens of `vocab` that no text encodes to; `decode` leaves them as they are.
    """

    def __init__(
        self,
        vocab: Mapping[str, int],
        merges: Sequence[tuple[str, str]],
        special_tokens: Sequence[str] = (),
    ) -> None:
        self.vocab = dict(vocab)
        self.merges = list(merges)
        self.special_tokens = tuple(special_tokens)
        self._rank = {pair: rank for rank, pair in enumerate(self.merges)}
        self._token = {token_id: token for token, token_id in self.vocab.items()}

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""
        return max(self.vocab.values()) + 1

    def encode(self, text: str) -> list[int]:
        """Text to ids, by joining in each word the pair of lowest rank until none is left.

        Text that looks like a special token is encoded as ordinary text.
        """
        ids: list[int] = []
        for word in SPLIT.findall(text):
            tokens = list(spell(word))
            while len(tokens) > 1:
                best = min(pairwise(tokens), key=lambda pair: self._rank.get(pair, len(self._rank)))
                if best not in self._rank:
                    break
                tokens = _join(tokens, best, best[0] + best[1])
            ids.extend(self.vocab[token] for token in tokens)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Ids of `vocab` to text; bytes that are not UTF-8 become U+FFFD."""
        byte_of = byte_of_character()
        spelled = bytearray()
        for token_id in ids:
            token = self._token[token_id]
            if token in self.special_tokens:
                spelled += token.encode("utf-8")
            else:
                spelled += bytes(byte_of[character] for character in token)
        return spelled.decode("utf-8", errors="replace")

    def save(
        self, folder: Path, *, eos_token: str | None = None, bos_token: str | None = None
    ) -> None:
        """Write tokenizer.json, vocab.json, merges.txt and tokenizer_config.json into `folder`.

        eos_token: ends the assistant's turn; bos_token: begins a text. Each must be one of the
        special tokens, else TokenizerError.
        """
        for token in (eos_token, bos_token):
            if token is not None and token not in self.special_tokens:
                raise TokenizerError(
                    f"{token!r} is not one of this tokenizer's special tokens.",
                    hint=f"Choose one of {list(self.special_tokens)}, or train with it.",
                )
        folder.mkdir(parents=True, exist_ok=True)
        config: dict[str, object] = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "add_prefix_space": False,
            "clean_up_tokenization_spaces": False,
            "additional_special_tokens": list(self.special_tokens),
        }
        config |= {"eos_token": eos_token} if eos_token else {}
        config |= {"bos_token": bos_token} if bos_token else {}
        _write_json(folder / "tokenizer.json", self.tokenizer_json())
        _write_json(folder / "vocab.json", self.vocab)
        _write_json(folder / "tokenizer_config.json", config)
        merges = "".join(f"{left} {right}\n" for left, right in self.merges)
        (folder / "merges.txt").write_text("#version: 0.2\n" + merges, encoding="utf-8")

    def tokenizer_json(self) -> dict[str, Any]:
        """The whole tokenizer as the `tokenizers` library reads it."""
        byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
        byte_level["use_regex"] = True
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
        return {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [
                {"id": self.vocab[token], "content": token, **flags, "special": True}
                for token in self.special_tokens
            ],
            "normalizer": None,
            "pre_tokenizer": byte_level,
            "post_processor": None,
            "decoder": byte_level,
            "model": {
                "type": "BPE",
                "dropout": None,
                "unk_token": None,
                "continuing_subword_prefix": None,
                "end_of_word_suffix": None,
                "fuse_unk": False,
                "byte_fallback": False,
                "ignore_merges": False,
                "vocab": self.vocab,
                "merges": [list(pair) for pair in self.merges],
            },
        }


def train(
    texts: Iterable[str],
    vocab_size: int,
    special_tokens: Sequence[str] = (),
    *,
    digits_apart: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> BPE:
    """Learn a vocabulary of `vocab_size` tokens: the special ones, the 256 bytes, then merges.

    Ids follow that order. Of pairs equally frequent, the one whose ids are smaller is joined
    first, so the same texts always give the same vocabulary (the rule of the `tokenizers`
    library too). Training ends early when no pair occurs twice.

    digits_apart: learn no token of several digits, so that every number is spelt out, which makes
    copying and adding numbers learnable for a small model (Nogueira et al. 2021).
    progress: called with (merges learnt, merges wanted), now and then and at the end.
    Raises TokenizerError when `vocab_size` has no room for the bytes and the special tokens.
    """
    tokens = [*special_tokens, *sorted(byte_alphabet().values())]
    vocab = {token: token_id for token_id, token in enumerate(tokens)}
    if len(vocab) != len(tokens) or vocab_size < len(tokens):
        raise TokenizerError(
            f"A vocabulary of {vocab_size} cannot hold 256 bytes and the special tokens "
            f"{list(special_tokens)}.",
            hint=f"Ask for at least {len(tokens)}, and name each special token once.",
        )

    frequency: Counter[str] = Counter()
    for text in texts:
        frequency.update(SPLIT.findall(text))
    if digits_apart:  # a word with a digit has nothing else in it but a space
        for number in [text for text in frequency if DIGIT.search(text)]:
            del frequency[number]
    words = [[vocab[character] for character in spell(word)] for word in frequency]
    counts = list(frequency.values())

    pair_counts: defaultdict[Pair, int] = defaultdict(int)
    words_with: defaultdict[Pair, set[int]] = defaultdict(set)
    for index, word in enumerate(words):
        for pair in pairwise(word):
            pair_counts[pair] += counts[index]
            words_with[pair].add(index)

    # A count that has changed is pushed again, so that an entry which disagrees with
    # `pair_counts` is out of date and can be dropped.
    queue = [(-count, pair) for pair, count in pair_counts.items()]
    heapq.heapify(queue)
    merges: list[tuple[str, str]] = []
    wanted = vocab_size - len(tokens)
    while len(tokens) < vocab_size and queue:
        negative_count, pair = heapq.heappop(queue)
        if -negative_count != pair_counts.get(pair):
            continue
        if -negative_count < 2:
            break
        left, right = tokens[pair[0]], tokens[pair[1]]
        merges.append((left, right))
        joined = vocab.setdefault(left + right, len(tokens))
        if joined == len(tokens):
            tokens.append(left + right)

        changed: set[Pair] = set()
        for index in words_with.pop(pair):
            before = words[index]
            after = _join(before, pair, joined)
            if len(after) == len(before):
                continue
            words[index] = after
            for old in pairwise(before):
                pair_counts[old] -= counts[index]
                changed.add(old)
            for new in pairwise(after):
                pair_counts[new] += counts[index]
                words_with[new].add(index)
                changed.add(new)
        for pair in changed:
            if pair_counts[pair] > 0:
                heapq.heappush(queue, (-pair_counts[pair], pair))
            else:
                del pair_counts[pair]
        if progress is not None and len(merges) % 64 == 0:
            progress(len(merges), wanted)
    if progress is not None:
        progress(len(merges), wanted)
    return BPE(vocab, merges, special_tokens)


def _join(word: list[Symbol], pair: tuple[Symbol, Symbol], joined: Symbol) -> list[Symbol]:
    """`word` with every `pair`, from the left, replaced by `joined`."""
    left, right = pair
    result: list[Symbol] = []
    position = 0
    while position < len(word):
        is_pair = word[position] == left and word[position + 1 : position + 2] == [right]
        result.append(joined if is_pair else word[position])
        position += 2 if is_pair else 1
    return result


def _write_json(path: Path, value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
