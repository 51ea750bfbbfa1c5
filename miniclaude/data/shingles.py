"""What makes two rows alike: the shingles they share.

A *shingle* is three words in a row (Broder, "On the resemblance and containment of documents",
1997). A *word* is what stands between white space and the marks `. , ; : ! ? " ' ( ) [ ]`, in lower
case; in scripts written without spaces each character is a word. A text of one or two words is one
shingle; one of marks alone (":-)") is a shingle of its own.

Two rows are near-duplicates when both the sets of all their shingles and the sets of their
answers' shingles have a Jaccard similarity (common / all) of at least the threshold. The second
condition keeps apart the questions that share one long passage.

`shingles` is the readable definition; `hash_shingles` gives the same sets as 64-bit numbers, many
texts at a time.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from miniclaude.data.example import Example
from miniclaude.messages import TextPart

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

WORDS = 3
"""Words of a shingle."""

LONGEST = 1_000_000
"""Characters of each half of a row that are compared."""

MARKS = ".,;:!?\"'()[]"
SPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Scripts without spaces: Thai, Lao, Burmese, Khmer, kana and Han."""
OTHER_MARKS = re.compile(
    "[\x80-\xa0\u00ab\u00bb\u1680\u2000-\u205e\u3000-\u3002\u300c-\u300f\ufeff]+"
)
"""White space and the commonest marks outside ASCII."""


def _ascii_table() -> bytes:
    table = bytearray(range(256))
    for letter in range(ord("A"), ord("Z") + 1):
        table[letter] += ord("a") - ord("A")
    for code in [*range(33), 127, *MARKS.encode()]:
        table[code] = ord(" ")
    return bytes(table)


ASCII = _ascii_table()
SPACE = np.uint8(ord(" "))
BLOCK = 1 << 15
"""Bytes that are hashed at once, so that all stays in a core's cache. A longer word is cut."""

_random = np.random.default_rng(1997)
_ODD = 0x9E3779B97F4A7C15
POWERS: Hashes = np.cumprod(np.full(BLOCK + 1, _ODD, np.uint64), dtype=np.uint64)
FIRST, SECOND, THIRD = (np.uint64(int(n) | 1) for n in _random.integers(1, 1 << 63, 3))
SHIFT = np.uint64(31)


def compared(example: Example) -> tuple[str, str]:
    """What is compared of an example: what was asked, and what was answered.

    The system prompt and the tools are left out: a whole data set may share them.
    """
    if example.text:
        return "", example.text[:LONGEST]
    asked: list[str] = []
    answered: list[str] = []
    for message in example.messages + example.chosen + example.rejected:
        if message.role == "system":
            continue
        said = answered if message.role == "assistant" else asked
        for part in message.parts:
            if type(part) is TextPart:
                said.append(part.text)
        for call in message.tool_calls:
            said += (call.name, call.arguments)
    return "\n".join(asked)[:LONGEST], "\n".join(answered)[:LONGEST]


def words(text: str) -> list[str]:
    """The words of a text."""
    return [word.decode("utf-8", "surrogatepass") for word in byte_words(text)]


def byte_words(text: str) -> list[bytes]:
    """The words of a text, in UTF-8."""
    return _plain(text).encode("utf-8", "surrogatepass").translate(ASCII).split()


def _plain(text: str) -> str:
    """The text with everything beyond ASCII in its commonest form."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text).lower()
    return SPACED.sub(r" \g<0> ", OTHER_MARKS.sub(" ", text))


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """The set of a text's shingles: the slow reference of `hash_shingles`."""
    found = words(text)
    if not found:
        return frozenset([(text,)] if text else [])
    last = max(1, len(found) - WORDS + 1)
    return frozenset(tuple(found[start : start + WORDS]) for start in range(last))


def jaccard(one: Set[object], other: Set[object]) -> float:
    """The share of common members among all; 1.0 for two empty sets."""
    common = len(one & other)
    together = len(one) + len(other) - common
    return common / together if together else 1.0


@dataclass(frozen=True, slots=True)
class HashedShingles:
    """Shingles of several texts. hashes: all of them, one text after the other, repeats included;
    text number i has those from bounds[i] to bounds[i + 1]."""

    hashes: Hashes
    bounds: Places


def hash_shingles(texts: Sequence[str]) -> HashedShingles:
    """The texts' shingles as 64-bit hashes."""
    raw, lengths = _joined(texts)
    word_hashes, word_starts = _hash_words(raw)
    # The first word of each text, and of the text after the last.
    text_starts = np.ones(len(texts) + 1, np.int64)
    np.cumsum(lengths, out=text_starts[1:])
    text_starts[1:] += 1
    firsts = np.searchsorted(word_starts, text_starts)
    counts = np.diff(firsts)
    hashes = _join_words(word_hashes, firsts, counts)
    kept = np.maximum(counts - WORDS + 1, np.minimum(counts, 1))
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(kept, out=bounds[1:])
    wordless = [number for number in np.flatnonzero(counts == 0).tolist() if texts[number]]
    if wordless:
        return _with_marks(HashedShingles(hashes, bounds), texts, wordless)
    return HashedShingles(hashes, bounds)


def _joined(texts: Sequence[str]) -> tuple[bytes, list[int]]:
    """A space, then all texts as one row of bytes, each with a space behind; and their lengths
    with it."""
    joined = "\n".join(["", *texts, ""])
    if joined.isascii():
        return joined.encode().translate(ASCII), [len(text) + 1 for text in texts]
    pieces = [
        text.encode() if text.isascii() else _plain(text).encode("utf-8", "surrogatepass")
        for text in texts
    ]
    raw = b" ".join([b"", *pieces, b""])
    return raw.translate(ASCII), [len(piece) + 1 for piece in pieces]


def _hash_words(raw: bytes) -> tuple[Hashes, Places]:
    """The hash of each word and the byte it starts at. The first byte must be a space.

    A word's hash is the sum of byte x ODD^place: one multiplication for each byte and a running
    sum; a last factor undoes where in the block the word stood.
    """
    hashes: list[Hashes] = []
    places: list[Places] = []
    start = 0
    while start < len(raw) - 1:
        end = len(raw)
        if end - start > BLOCK:
            end = raw.rfind(b" ", start + 1, start + BLOCK) + 1 or start + BLOCK
        block = np.frombuffer(raw, np.uint8, end - start, start) - SPACE  # [bytes], a space is 0
        is_word = block != 0
        starts = np.flatnonzero(is_word[1:] > is_word[:-1])  # [words], the byte before each
        if len(starts):
            sums = np.multiply(block, POWERS[: len(block)], dtype=np.uint64)  # [bytes]
            np.cumsum(sums, out=sums)
            before = sums[starts]  # [words]
            total = np.append(before[1:], sums[-1:])
            total -= before
            hashes.append(total * POWERS[BLOCK - 1 - starts])
            places.append(starts + (start + 1))
        start = end - 1
    if not hashes:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    if len(hashes) == 1:
        return hashes[0], places[0]
    return np.concatenate(hashes), np.concatenate(places)


def _join_words(word_hashes: Hashes, firsts: Places, counts: Places) -> Hashes:
    """The hash of each three words that stand in one text, or of all where there are fewer."""
    if not len(word_hashes):
        return word_hashes
    padded = np.concatenate([word_hashes, np.zeros(2, np.uint64)])
    mixed = padded[:-2] * FIRST
    mixed += padded[1:-1] * SECOND
    mixed += padded[2:] * THIRD
    keep = np.ones(len(word_hashes), np.bool_)
    ends = firsts[1:]
    keep[ends[counts > 1] - 1] = False
    keep[ends[counts > 2] - 2] = False  # a text of two words keeps the shingle of its first
    one, two = ends[counts == 1] - 1, ends[counts == 2] - 2
    mixed[one] = word_hashes[one] * FIRST
    mixed[two] = word_hashes[two] * FIRST + word_hashes[two + 1] * SECOND
    mixed ^= mixed >> SHIFT
    mixed *= np.uint64(_ODD)
    return mixed[keep]


def _with_marks(found: HashedShingles, texts: Sequence[str], wordless: list[int]) -> HashedShingles:
    """The same, with one shingle for each text that has marks and no words."""
    marks = [zlib.crc32(texts[number].encode("utf-8", "replace")) + 1 for number in wordless]
    hashes = np.insert(found.hashes, found.bounds[wordless], np.array(marks, np.uint64))
    more = np.zeros(len(texts) + 1, np.int64)
    more[np.array(wordless) + 1] = 1
    return HashedShingles(hashes, found.bounds + np.cumsum(more))
